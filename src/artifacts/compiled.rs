//! Where a node's compiled SQL is put, relative to `compiled/`; the layout is dbt's.

use crate::parse::{Body, DataTest, ParsedNode, TestKind};

/// `<package>/<path of its file>`; a generic test has a file of its own in a folder called after the
/// properties file. `None` for nodes without SQL.
pub(super) fn file(node: &ParsedNode) -> Option<String> {
    match &node.body {
        Body::Model { .. }
        | Body::Function(_)
        | Body::Analysis { .. }
        | Body::Test(DataTest { kind: TestKind::Singular { .. }, .. }) => {
            Some(format!("{}/{}", node.package, node.path.as_str()))
        }
        // Several snapshots may be in one file.
        Body::Snapshot(_) => Some(format!("{}/{}/{}.sql", node.package, node.path.as_str(), node.name)),
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => {
            Some(format!("{}/{}/{}", node.package, node.path.as_str(), test_file(&test.short_name)))
        }
        Body::UnitTest(_) => {
            Some(format!("{}/{}/{}", node.package, node.path.as_str(), unit_test_file(node)))
        }
        Body::Seed | Body::Source(_) | Body::Exposure(_) | Body::Semantic(_) => None,
    }
}

/// A unit test's file, in the folder that the properties file is in; dbt adds the version to the name.
fn unit_test_file(node: &ParsedNode) -> String {
    let folder = node.path.as_str().rsplit_once('/').map_or("", |it| it.0);
    let name = node.unique_id.as_str().rsplit('.').next().unwrap_or(&node.name);
    format!("{folder}/{}", test_file(name))
}

/// A generic test's file name. Names that users give may hold anything, but must not lead elsewhere.
pub(super) fn test_file(short_name: &str) -> String {
    let is_kept = |it: char| !it.is_control() && !r#"/\:*?"<>|"#.contains(it);
    let name: String = short_name.chars().map(|it| if is_kept(it) { it } else { '_' }).collect();
    format!("{name}.sql")
}
