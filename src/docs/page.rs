//! From a site to files: one page that has everything in it, or a page and its data beside it.
//!
//! Data is JSON, compressed, and in the page encoded as text without `<`: it cannot end the element that it is
//! in. The page's policy allows the one script and the one style that are written here, by their hashes, no
//! other, and no request to anywhere; texts are put into the page as texts by `assets/`. Deliberately
//! absent: templates. The page is the same for every project, so there is nothing to fill in but data.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::site::Site;
use crate::diagnostics::scrub::Scrubber;

const SHELL: &str = include_str!("assets/shell.html");
const STYLES: [&str; 3] =
    [include_str!("assets/base.css"), include_str!("assets/pages.css"), include_str!("assets/lineage.css")];
/// One script in the end, since a page on disk cannot load modules.
const SCRIPTS: [&str; 19] = [
    include_str!("assets/dom.js"),
    include_str!("assets/data.js"),
    include_str!("assets/markdown.js"),
    include_str!("assets/sql.js"),
    include_str!("assets/plots.js"),
    include_str!("assets/search.js"),
    include_str!("assets/selector.js"),
    include_str!("assets/placing.js"),
    include_str!("assets/tracing.js"),
    include_str!("assets/picture.js"),
    include_str!("assets/pointing.js"),
    include_str!("assets/folders.js"),
    include_str!("assets/lineage.js"),
    include_str!("assets/entities.js"),
    include_str!("assets/home.js"),
    include_str!("assets/page.js"),
    include_str!("assets/dictionary.js"),
    include_str!("assets/sidebar.js"),
    include_str!("assets/app.js"),
];

/// A file of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// Its path below the site's folder, with `/`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A part of the data.
struct Part {
    name: String,
    gzip: Vec<u8>,
}

/// The site as one page that opens from disk.
pub fn one_file(site: &Site, scrubber: &Scrubber) -> Vec<SiteFile> {
    let parts = parts(site, scrubber);
    let blocks: Vec<String> = parts
        .iter()
        .map(|it| {
            let (name, text) = (&it.name, BASE64.encode(&it.gzip));
            format!("<script type=\"text/plain\" id=\"data-{name}\">{text}</script>\n")
        })
        .collect();
    // What is needed at once comes before the script, the rest after it.
    let (first, rest) = blocks.split_at(1);
    vec![SiteFile { name: "index.html".to_owned(), bytes: html("", &first.concat(), &rest.concat()) }]
}

/// The site as a page that loads its data from files beside it.
pub fn split(site: &Site, scrubber: &Scrubber) -> Vec<SiteFile> {
    let parts = parts(site, scrubber);
    // Another build has other addresses, so that no cache mixes the two.
    let mut hash = Sha256::new();
    for part in &parts {
        hash.update(&part.gzip);
    }
    let version = hash.finalize()[..6].iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let marker = format!("<meta name=\"data-version\" content=\"{version}\">");
    let page = SiteFile { name: "index.html".to_owned(), bytes: html(" connect-src 'self';", &marker, "") };
    let data = parts.into_iter().map(|it| SiteFile { name: format!("data/{}.gz", it.name), bytes: it.gzip });
    std::iter::once(page).chain(data).collect()
}

fn parts(site: &Site, scrubber: &Scrubber) -> Vec<Part> {
    let mut texts = vec![
        ("index".to_owned(), json(&site.index)),
        ("search".to_owned(), json(&site.search)),
        ("columns".to_owned(), json(&site.columns)),
    ];
    let details = site.details.chunks(site.index.per_part).enumerate();
    texts.extend(details.map(|(at, it)| (format!("part-{at}"), json(&it))));
    let part = |(name, text): (String, String)| Part { name, gzip: gzip(&scrubber.hide(&text)) };
    texts.into_par_iter().map(part).collect()
}

/// Data of our own types, whose keys are texts: it can always be written.
fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default()
}

/// The same text gives the same bytes: no time is written into the head.
fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(8));
    // Writing to memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

fn html(policy: &str, before: &str, after: &str) -> Vec<u8> {
    let style = STYLES.concat();
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPTS.concat());
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:;{policy} base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hash(&script),
        hash(&style)
    );
    let slots = [
        ("policy", policy.as_str()),
        ("style", &style),
        ("data", before),
        ("script", &script),
        ("more", after),
    ];
    let mut page = String::with_capacity(SHELL.len() + slots.iter().map(|it| it.1.len()).sum::<usize>());
    let mut rest = SHELL;
    while let Some((text, tail)) = rest.split_once("{{") {
        let Some((name, tail)) = tail.split_once("}}") else { break };
        page.push_str(text);
        page.push_str(slots.iter().find(|it| it.0 == name).map_or("", |it| it.1));
        rest = tail;
    }
    page.push_str(rest);
    page.into_bytes()
}

/// A text's hash as a content security policy has it.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(Sha256::digest(text.as_bytes())))
}
