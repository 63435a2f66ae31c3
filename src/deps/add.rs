//! `--add-package`: one more entry in the list, which keeps its comments and its order.

use std::fmt::Write as _;

use super::lock::scalar;
use crate::yaml::{Yaml, YamlKind};

/// A package to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// Its name, address or folder.
    pub package: String,
    /// Its version, versions or revision.
    pub version: Option<String>,
    /// `package`, `git` or `local`.
    pub kind: AdditionKind,
}

/// Where an added package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdditionKind {
    /// The hub.
    Hub,
    /// A repository.
    Git,
    /// A folder.
    Local,
}

/// The text of a list with the package added, and the entries that it replaces. `None` if the list is written
/// in a way that cannot be added to.
pub(super) fn add(text: &str, tree: Option<&Yaml>, addition: &Addition) -> Option<(String, Vec<String>)> {
    let Some(list) = tree.and_then(|it| it.get("packages")) else {
        let start = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some((format!("{text}{start}packages:\n{}", entry(addition, "  ")), Vec::new()));
    };
    let items = match &list.kind {
        YamlKind::List(items) => items.as_slice(),
        YamlKind::Null => &[],
        _ => return None,
    };
    if items.is_empty() {
        let key = text.lines().position(|it| it.starts_with("packages:"))?;
        let lines: Vec<&str> = text.lines().collect();
        let before = lines[..key].iter().fold(String::new(), |all, it| all + it + "\n");
        let after = lines[key + 1..].iter().fold(String::new(), |all, it| all + it + "\n");
        return Some((format!("{before}packages:\n{}{after}", entry(addition, "  ")), Vec::new()));
    }
    let mut lines: Vec<Option<&str>> = text.lines().map(Some).collect();
    let line_of = |offset: u32| text[..offset as usize].matches('\n').count();
    let starts: Vec<usize> = items.iter().map(|it| line_of(it.span.start)).collect();
    let is_block = |line: &usize| text.lines().nth(*line).is_some_and(|it| it.trim_start().starts_with("- "));
    if !starts.iter().all(is_block) {
        return None;
    }
    let indent = |line: usize| {
        let line = text.lines().nth(line).unwrap_or_default();
        line[..line.len() - line.trim_start().len()].to_owned()
    };
    // An entry ends where the next begins, or where a line is indented no more than its dash.
    let own = indent(starts[0]);
    let end_of = |start: usize| {
        let rest = text.lines().enumerate().skip(start + 1);
        let mut end = start + 1;
        for (number, line) in rest {
            let depth = line.len() - line.trim_start().len();
            let is_inside = depth > own.len() && !line.trim().is_empty();
            if !is_inside {
                break;
            }
            end = number + 1;
        }
        end
    };
    let mut replaced = Vec::new();
    for (item, start) in items.iter().zip(&starts) {
        let keys = ["package", "git", "local", "tarball", "private"];
        let listed = keys.iter().find_map(|key| item.get(key)).and_then(Yaml::as_str);
        if let Some(listed) = listed.filter(|it| is_same(it, &addition.package)) {
            replaced.push(listed.to_owned());
            lines[*start..end_of(*start)].fill(None);
        }
    }
    let end = starts.last().map_or(0, |it| end_of(*it));
    let mut new = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number == end {
            new.push_str(&entry(addition, &own));
        }
        if let Some(line) = line {
            new.push_str(line);
            new.push('\n');
        }
    }
    if end >= lines.len() {
        new.push_str(&entry(addition, &own));
    }
    Some((new, replaced))
}

fn entry(addition: &Addition, indent: &str) -> String {
    let (kind, version_key) = match addition.kind {
        AdditionKind::Hub => ("package", "version"),
        AdditionKind::Git => ("git", "revision"),
        AdditionKind::Local => ("local", "version"),
    };
    let mut text = format!("{indent}- {kind}: {}\n", scalar(&addition.package));
    // A folder has no version.
    if let Some(version) = addition.version.as_ref().filter(|_| addition.kind != AdditionKind::Local) {
        let versions: Vec<String> = version.split(',').map(|it| scalar(it.trim())).collect();
        let shown = match versions.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let _ = writeln!(text, "{indent}  {version_key}: {shown}");
    }
    text
}

/// Whether a listed package is the one to add, be it from somewhere else: `dbt-labs/dbt_utils` and
/// `https://github.com/dbt-labs/dbt-utils.git` are the same.
fn is_same(listed: &str, added: &str) -> bool {
    let plain = |text: &str| text.replace('-', "_");
    let (listed, added) = (plain(listed), plain(added));
    let short = added.rsplit('/').next().unwrap_or(&added);
    [added.as_str(), short].into_iter().filter(|it| !it.is_empty()).any(|name| {
        listed.match_indices(name).any(|(at, _)| {
            let starts = listed[..at].chars().next_back().is_none_or(|it| "/.".contains(it));
            let ends = listed[at + name.len()..].chars().next().is_none_or(|it| "/.".contains(it));
            starts && ends
        })
    })
}
