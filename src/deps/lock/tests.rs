//! Hashes of lists and texts of locks, compared with what dbt 1.11 makes of the same.

use serde_json::Value as Json;

use super::{list_hash, scalar};
use crate::diagnostics::{Diagnostics, Sources};
use crate::project::files::MemoryFiles;
use crate::project::settings::Settings;
use crate::project::{bare_globals, package_list};

fn hash(list: &str) -> String {
    let mut files = MemoryFiles::default();
    files.insert("packages.yml", list);
    let settings = Settings::new(
        [("where".to_owned(), Json::from("../pkg"))].into(),
        [].into(),
        bare_globals("id", "2026-01-01T00:00:00Z", "deps"),
    );
    let (mut diags, mut sources) = (Diagnostics::default(), Sources::default());
    let list = package_list::read(&mut diags, &mut sources, &files, "", &settings).expect("a list");
    assert!(!diags.has_errors(), "{diags:?}");
    list_hash(&list.specs)
}

#[test]
fn a_list_has_the_hash_that_dbt_gives_it() {
    for (list, expected) in [
        ("packages:\n  - local: ../pkg\n", "7dec9f9b20dcb1d50a8cb7c98a7209315dc92738"),
        (
            "packages:\n  - git: https://example.org/a.git\n    revision: 1.0\n    warn-unpinned: false\n  \
             - git: https://example.org/b.git\n    revision: 3\n    subdirectory: \"dbt/é\"\n",
            "dbd851c510d8f29906fb3d51612d991b03788f1e",
        ),
        (
            "packages:\n  - package: dbt-labs/dbt_utils\n    version: [\">=1.0.0\", \"<2.0.0\"]\n  \
             - package: b/c\n    version: 0.9\n    install_prerelease: true\n  \
             - package: a/c\n    version: \"=1.0.0\"\n",
            "c45545a3472682d55a04bc32f732fc86b2e81d62",
        ),
        (
            "packages:\n  - tarball: https://example.org/x.tar.gz\n    name: x\n  \
             - local: \"a \\\"b\\\" \\\\ c\"\n",
            "2fa8bb8720405f3ab217bf7a426473d9b5518025",
        ),
    ] {
        assert_eq!(hash(list), expected, "{list}");
    }
}

#[test]
fn a_template_counts_as_it_is_written_and_as_it_is_read() {
    let written = hash("packages:\n  - local: \"{{ var('where') }}\"\n");
    assert_ne!(written, hash("packages:\n  - local: ../pkg\n"));
}

#[test]
fn texts_are_quoted_where_yaml_would_read_something_else() {
    for (text, expected) in [
        ("1.3.0", "1.3.0"),
        ("1.0", "'1.0'"),
        ("8bf6af23d6185b9d0006e4efbbdcef0a74cb5236", "8bf6af23d6185b9d0006e4efbbdcef0a74cb5236"),
        ("../pkg", "../pkg"),
        ("{{ env_var('X') }}", "'{{ env_var(''X'') }}'"),
        ("https://{{ env_var('X') }}@host/a.git", "https://{{ env_var('X') }}@host/a.git"),
        (">=1.0.0", "'>=1.0.0'"),
        ("a: b", "'a: b'"),
        ("no", "'no'"),
        ("", "''"),
    ] {
        assert_eq!(scalar(text), expected);
    }
}
