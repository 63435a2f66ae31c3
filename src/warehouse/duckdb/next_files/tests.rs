//! Next versions of files, and what is made of them when their process was killed.

use std::fs;
use std::path::Path;

use super::{begin, is_there, unfinished};
use crate::warehouse::{FilesPlace, NextFiles};

fn place(root: &Path, is_folder: bool) -> FilesPlace {
    let name = if is_folder { "sales" } else { "sales.parquet" };
    let location = root.join(name).to_string_lossy().into_owned();
    FilesPlace { location, is_folder, depth: 0, ending: ".parquet".to_owned() }
}

/// The files that are there, with their texts.
fn found(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    super::list(root, &mut files).expect("a folder");
    let shown = |it: &std::path::PathBuf| {
        let inside = it.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
        format!("{inside} {}", fs::read_to_string(it).expect("a text"))
    };
    let mut shown: Vec<String> = files.iter().map(shown).collect();
    shown.sort();
    shown
}

/// A next version with one more file; for one file, that file.
fn next(place: &FilesPlace, text: &str) -> Box<dyn NextFiles> {
    let mut next = begin(place, place.is_folder).expect("it begins");
    let scratch = next.scratch().expect("a folder");
    fs::write(format!("{scratch}/rows"), text).expect("written");
    assert_eq!(next.add().expect("taken up").len(), 1);
    next
}

/// The files as a process leaves them that is killed: a copy, which nobody has locked.
fn killed(root: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().expect("a folder");
    copy(root, left.path());
    left
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let inside = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &inside);
        } else {
            fs::copy(entry.path(), inside).expect("copied");
        }
    }
}

#[test]
fn whatever_a_killed_process_left_is_finished_or_undone() {
    for is_folder in [true, false] {
        let root = tempfile::tempdir().expect("a folder");
        let here = place(root.path(), is_folder);
        let settled = |is_published: bool| {
            let left = killed(root.path());
            let there = place(left.path(), is_folder);
            if let Some(it) = unfinished(&there).expect("it can be read") {
                it.settle(is_published).expect("it can be settled");
            }
            assert!(unfinished(&there).expect("it can be read").is_none());
            found(left.path())
        };
        let mut first = next(&here, "1");
        assert_eq!(settled(false), [""; 0]);
        first.announce("a 0").expect("announced");
        first.publish().expect("published");
        assert_eq!(settled(false), [""; 0]);
        let one = if is_folder { "sales/part-000001.parquet 1" } else { "sales.parquet 1" };
        assert_eq!(settled(true), [one]);
        first.keep();
        assert_eq!(found(root.path()), [one]);
        let mut second = next(&here, "2");
        assert_eq!(settled(false), [one]);
        second.announce("a 1").expect("announced");
        second.publish().expect("published");
        assert_eq!(settled(false), [one]);
        let two: &[&str] =
            if is_folder { &[one, "sales/part-000002.parquet 2"] } else { &["sales.parquet 2"] };
        assert_eq!(settled(true), two);
        drop(second);
        assert_eq!(found(root.path()), [one]);
        assert!(is_there(&here));
    }
}

#[test]
fn files_that_are_left_out_take_their_empty_folders_along() {
    let root = tempfile::tempdir().expect("a folder");
    let here = FilesPlace { depth: 1, ..place(root.path(), true) };
    let mut first = begin(&here, true).expect("it begins");
    for folder in ["day=a", "day=b"] {
        fs::write(format!("{}/rows", first.scratch().expect("a folder")), folder).expect("written");
        first.add_below(&[folder.to_owned()]).expect("taken up");
    }
    first.announce("a 0").expect("announced");
    first.publish().expect("published");
    first.keep();
    let mut second = begin(&here, true).expect("it begins");
    assert!(second.pattern().ends_with("/next/*/*.parquet.tidemill-new"), "{}", second.pattern());
    let file = second.pattern().replace("*/*.parquet", "day=a/part-000001.parquet");
    assert!(second.remove(&["elsewhere/x.parquet".to_owned()]).is_err());
    second.remove(&[file]).expect("left out");
    second.announce("a 1").expect("announced");
    second.publish().expect("published");
    second.keep();
    assert_eq!(found(root.path()), ["sales/day=b/part-000002.parquet day=b"]);
    assert!(!root.path().join("sales/day=a").exists());
}

#[test]
fn one_process_at_a_time_has_a_place() {
    let root = tempfile::tempdir().expect("a folder");
    let here = place(root.path(), true);
    let first = begin(&here, true).expect("it begins");
    let second = begin(&here, true).err().expect("it is taken");
    assert!(second.message.contains("is being written by another node or another run"), "{second}");
    assert!(unfinished(&here).expect("it can be read").is_none());
    drop(first);
    assert!(begin(&here, true).is_ok());
}
