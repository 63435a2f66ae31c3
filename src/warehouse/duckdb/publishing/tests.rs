//! What stands in a folder after runs that were published, given up or killed.

use std::path::PathBuf;

use super::*;
use crate::warehouse::Carried;

fn options(dir: &Path) -> ConnectOptions {
    let path = Some(dir.join("shop.duckdb"));
    ConnectOptions { path, schema: "main".to_owned(), ..ConnectOptions::default() }
}

fn begin(dir: &Path) -> Result<Scratch, WarehouseError> {
    Scratch::begin(&options(dir), "00000000-0000-0000-0000-00000000000a", &mut |_| false, &|| true)
}

fn execute(path: &Path, sql: &str) {
    run(&connect(path, AccessMode::ReadWrite).unwrap(), sql).unwrap();
}

fn count(path: &Path, sql: &str) -> i64 {
    connect(path, AccessMode::ReadOnly).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_copy_takes_the_place_of_the_file_and_the_old_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.duckdb");
    execute(&path, "create table t as select 1 as x");
    for x in [2, 3, 4] {
        let scratch = begin(dir.path()).unwrap();
        execute(&scratch.file, &format!("update t set x = {x}"));
        assert_eq!(scratch.check(&[]).unwrap(), []);
        scratch.publish(2).unwrap();
        assert_eq!(count(&path, "select x from t"), x);
    }
    let versions = kept_versions(&path);
    assert_eq!(versions.len(), 2);
    assert_eq!(count(&versions[0].path, "select x from t"), 3);
    assert_eq!(names(dir.path()).len(), 3);
}

#[test]
fn a_copy_that_is_given_up_leaves_nothing_unless_it_is_to_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    execute(&dir.path().join("shop.duckdb"), "create table t as select 1 as x");
    assert_eq!(begin(dir.path()).unwrap().give_up(false), None);
    assert_eq!(names(dir.path()), ["shop.duckdb"]);
    let kept = begin(dir.path()).unwrap().give_up(true);
    assert_eq!(kept, Some(fs::canonicalize(dir.path()).unwrap().join("shop.duckdb.tidemill-failed")));
}

#[test]
fn what_a_killed_run_left_is_removed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    execute(&dir.path().join("shop.duckdb"), "create table t as select 1 as x");
    let left = format!("shop.duckdb{RUN}0123456789abcdef0123456789abcdef");
    let others = [
        "shop.duckdb.tidemill-run-mine",
        "other.duckdb.tidemill-run-0123456789abcdef0123456789abcdef",
        "shop.duckdb.old",
    ];
    for name in others.iter().map(|it| (*it).to_owned()).chain([
        left.clone(),
        format!("{left}.wal"),
        format!("{left}.notes"),
    ]) {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    begin(dir.path()).unwrap().give_up(false);
    let mut expected: Vec<&str> = others.to_vec();
    expected.push("shop.duckdb");
    expected.sort_unstable();
    assert_eq!(names(dir.path()), expected);
}

#[test]
fn what_is_in_a_log_is_part_of_the_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.duckdb");
    execute(&path, "create table t as select 1 as x");
    let copy: PathBuf = dir.path().join("copy.duckdb");
    let connection = connect(&path, AccessMode::ReadWrite).unwrap();
    run(&connection, "set wal_autocheckpoint = '1TB'; insert into t values (2)").unwrap();
    // As if the process were killed now.
    fs::copy(&path, &copy).unwrap();
    fs::copy(with_suffix(&path, ".wal"), with_suffix(&copy, ".wal")).unwrap();
    drop(connection);
    fs::rename(&copy, &path).unwrap();
    fs::rename(with_suffix(&copy, ".wal"), with_suffix(&path, ".wal")).unwrap();

    let scratch = begin(dir.path()).unwrap();
    assert_eq!(count(&scratch.file, "select count(*) from t"), 2);
    assert!(!has_log(&path));
    scratch.give_up(false);
}

#[test]
fn one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    execute(&dir.path().join("shop.duckdb"), "create table t as select 1 as x");
    let first = begin(dir.path()).unwrap();
    let error = begin(dir.path()).map(|_| ()).unwrap_err();
    let holder = Some(format!("tidemill (process {})", std::process::id()));
    assert_eq!(error.kind, ErrorKind::Locked { holder });
    first.give_up(false);
    begin(dir.path()).unwrap().give_up(false);
}

#[test]
fn a_view_that_cannot_be_read_any_more_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let sql =
        "create table t as select 1 as x; create view v as select x from t; create view w as select 1 as y";
    execute(&dir.path().join("shop.duckdb"), sql);
    let scratch = begin(dir.path()).unwrap();
    execute(&scratch.file, "create or replace table t as select 1 as z");
    let views = ["v", "w"].map(|it| Relation::new("shop", "main", it));
    let broken = scratch.check(&views).unwrap();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].0, views[0]);
    scratch.give_up(false);
}

#[test]
fn rows_outlive_a_run_that_failed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shop.duckdb");
    execute(&path, "create table t as select 1 as x; create table log as select 'a' as w");
    let scratch = begin(dir.path()).unwrap();
    execute(
        &scratch.file,
        "update t set x = 2; insert into log values ('b'); create table bad as select 7 as id",
    );
    let table = |name: &str| Relation::new("shop", "main", name);
    let plain = Carried { table: table("bad"), set_up: None, key: None, replaced: None, where_: None };
    let carried = [
        Carried {
            table: table("log"),
            set_up: Some("create table if not exists log (w varchar)".to_owned()),
            key: None,
            where_: Some("w = 'b'".to_owned()),
            replaced: Some("w || '!' as w".to_owned()),
        },
        plain.clone(),
        Carried { table: table("none"), ..plain },
    ];
    scratch.publish_only(&carried, false).unwrap();
    assert_eq!(count(&path, "select x from t"), 1);
    assert_eq!(count(&path, "select id from bad"), 7);
    assert_eq!(count(&path, "select count(*) from log where w in ('a', 'b!')"), 2);
    assert_eq!(names(dir.path()), ["shop.duckdb"]);
}

#[test]
fn without_room_nothing_is_copied() {
    assert_eq!(lack_of_room(1_000, 100_000_000), None);
    assert_eq!(
        lack_of_room(1_000_000_000, 900_000_000).as_deref(),
        Some(
            "a run that is published as a whole works in a copy of the database: it needs 1.1 GB, and 900.0 MB are free"
        )
    );
}
