//! Reads a docs site as the page does: finds the parts of its data and unpacks them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::GzDecoder;
use serde_json::Value as Json;

use crate::project::TestProject;

/// A site's data.
pub(crate) struct SiteFolder {
    parts: BTreeMap<String, Json>,
}

impl SiteFolder {
    /// The site in `target/index.html`.
    pub(crate) fn one_file(project: &TestProject) -> Self {
        Self::of_page(&project.read("target/index.html"))
    }

    /// The site in `target/site/`.
    pub(crate) fn split(project: &TestProject) -> Self {
        let folder = project.dir().join("target/site/data");
        let files = fs::read_dir(folder).expect("a folder").map(|it| it.expect("a file").path());
        let part = |path: std::path::PathBuf| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, parsed(&unpacked(&fs::read(path).expect("a file"))))
        };
        Self { parts: files.map(part).collect() }
    }

    /// The site in the text of a page.
    pub(crate) fn of_page(page: &str) -> Self {
        Self { parts: parts_of(page).into_iter().map(|(name, it)| (name, parsed(&it))).collect() }
    }

    /// A part by its name.
    #[track_caller]
    pub(crate) fn part(&self, name: &str) -> &Json {
        self.parts.get(name).unwrap_or_else(|| panic!("no part {name}"))
    }

    pub(crate) fn index(&self) -> &Json {
        self.part("index")
    }

    /// A page's number.
    #[track_caller]
    pub(crate) fn number(&self, id: &str) -> usize {
        let pages = self.index()["pages"].as_array().expect("pages");
        pages.iter().position(|it| it["id"] == id).unwrap_or_else(|| panic!("no page {id}"))
    }

    /// A page's entry in the index.
    #[track_caller]
    pub(crate) fn page(&self, id: &str) -> &Json {
        &self.index()["pages"][self.number(id)]
    }

    pub(crate) fn page_number(&self, number: u64) -> &Json {
        &self.index()["pages"][usize::try_from(number).expect("a small number")]
    }

    /// What a page alone shows.
    #[track_caller]
    pub(crate) fn detail(&self, id: &str) -> &Json {
        let per_part =
            usize::try_from(self.index()["per_part"].as_u64().expect("a number")).expect("a small one");
        let number = self.number(id);
        &self.part(&format!("part-{}", number / per_part))[number % per_part]
    }
}

/// The texts of the parts of data in a page, by name.
pub(crate) fn parts_of(page: &str) -> BTreeMap<String, String> {
    const START: &str = "<script type=\"text/plain\" id=\"data-";
    let blocks = page.split(START).skip(1);
    let part = |block: &str| {
        let (name, rest) = block.split_once("\">").expect("a name");
        let (text, _) = rest.split_once("</script>").expect("an end");
        (name.to_owned(), unpacked(&BASE64.decode(text).expect("encoded data")))
    };
    blocks.map(part).collect()
}

fn unpacked(gzip: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(gzip).read_to_string(&mut text).expect("compressed text");
    text
}

fn parsed(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}
