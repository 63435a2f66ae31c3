//! Where and how the files of an external model are written and read.

use serde_json::Value as Json;

use crate::graph::Node;
use crate::node::{Materialization, quote_literal};
use crate::parse::Body;
use crate::parse::duckdb_config::{External, READERS};
use crate::warehouse::FilesPlace;

/// Where and how the files of a model are written and read.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) location: String,
    /// The options of `copy`.
    options: Vec<(String, String)>,
    /// The function that reads.
    reader: &'static str,
    read_options: Vec<(String, String)>,
}

/// Where the files of a node are, if it is an external model with files of this machine.
pub(in crate::run) fn place_of(node: &Node, root: &str) -> Option<FilesPlace> {
    let Body::Model { materialized: Materialization::External, by_macro: None, .. } = node.body else {
        return None;
    };
    let relation = node.relation.as_ref()?;
    let place = Place::new(&node.config.duckdb.external, root, &relation.identifier);
    (!place.is_remote()).then(|| place.files())
}

impl Place {
    pub(super) fn new(external: &External, root: &str, name: &str) -> Self {
        let has =
            |options: &[(String, String)], key: &str| options.iter().any(|it| it.0.eq_ignore_ascii_case(key));
        let mut options = external.options.clone();
        let location = external.location.clone().unwrap_or_else(|| {
            let extension = external.format.as_ref().map_or("parquet", |it| it.value.as_str());
            let is_folder = has(&options, "partition_by");
            if is_folder { format!("{root}/{name}") } else { format!("{root}/{name}.{extension}") }
        });
        let (format, compression) = format_of(&location, has(&options, "delimiter"));
        if !has(&options, "format") {
            options.push(("format".to_owned(), format));
        }
        let get = |options: &[(String, String)], key: &str| {
            options.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1.to_lowercase())
        };
        let format = get(&options, "format").unwrap_or_default();
        // Files are written under another name, which does not tell it to the engine.
        if let Some(compression) =
            compression.filter(|_| format != "parquet" && !has(&options, "compression"))
        {
            options.push(("compression".to_owned(), compression.to_owned()));
        }
        if format == "csv" && !has(&options, "header") {
            options.push(("header".to_owned(), "1".to_owned()));
        }
        let reader = READERS.iter().find(|it| it.0 == format).map_or("parquet", |it| it.0);
        let compression = get(&options, "compression").filter(|_| reader != "parquet");
        let read_options = read_options(external, reader, compression);
        Self { location, options, reader, read_options }
    }

    /// The place as the warehouse wants to know it; for files of this machine.
    pub(super) fn files(&self) -> FilesPlace {
        let (location, is_folder) = (self.location.clone(), self.is_folder());
        FilesPlace { location, is_folder, depth: self.depth(), ending: self.ending() }
    }

    /// The name of a file while it is written: formats may look at how it begins, and no pattern finds it.
    pub(super) fn scratch_name(&self) -> String {
        let name = self.location.rsplit(['/', '\\']).next().unwrap_or("rows");
        format!("{name}.tidemill-new")
    }

    /// How many folders of partitions are above each file.
    fn depth(&self) -> usize {
        self.option("partition_by").map_or(0, |it| it.split(',').count())
    }

    /// What the names of the files in a folder end with.
    fn ending(&self) -> String {
        format!(".{}", self.option("format").unwrap_or("parquet"))
    }

    fn option(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|it| it.0.eq_ignore_ascii_case(key)).map(|it| it.1.as_str())
    }

    fn is_on(&self, key: &str) -> bool {
        self.option(key).is_some_and(|it| !matches!(it.to_lowercase().as_str(), "false" | "0"))
    }

    /// A location with a scheme is of a file system that the engine reaches by itself.
    pub(super) fn is_remote(&self) -> bool {
        self.location.contains("://")
    }

    /// Whether the location is a folder of files.
    pub(super) fn is_folder(&self) -> bool {
        self.option("partition_by").is_some()
            || self.is_on("per_thread_output")
            || self.option("file_size_bytes").is_some()
    }

    /// Whether files that are there stay, unless they are written over.
    pub(super) fn keeps_old(&self) -> bool {
        self.is_folder() && ["append", "overwrite_or_ignore"].iter().any(|it| self.is_on(it))
    }

    pub(super) fn copy_options(&self) -> String {
        let written = self.options.iter().map(|(key, value)| match key.to_lowercase().as_str() {
            "delimiter" | "delim" | "quote" | "escape" | "null" | "nullstr" if !value.starts_with('\'') => {
                format!("{key} {}", quote_literal(value))
            }
            "partition_by" if value.contains(',') && !value.starts_with('(') => format!("{key} ({value})"),
            _ => format!("{key} {value}"),
        });
        written.collect::<Vec<_>>().join(", ")
    }

    /// The call that reads what was written to a location.
    pub(super) fn read(&self, location: &str) -> String {
        let mut path = location.to_owned();
        if self.is_folder() {
            path = format!("{path}/{}*{}", "*/".repeat(self.depth()), self.ending());
        }
        self.read_path(&path)
    }

    /// The call that reads a file, or files by a pattern.
    pub(super) fn read_path(&self, path: &str) -> String {
        let options = self.read_options.iter().map(|(key, value)| format!(", {key}={value}"));
        format!("read_{}({}{})", self.reader, quote_literal(path), options.collect::<String>())
    }
}

/// What a file's name says: the format, and how it is compressed.
fn format_of(location: &str, has_delimiter: bool) -> (String, Option<&'static str>) {
    let name = location.rsplit(['/', '\\']).next().unwrap_or(location).to_lowercase();
    let found = [(".gz", "gzip"), (".zst", "zstd")].into_iter().find(|it| name.ends_with(it.0));
    let stem = found.map_or(name.as_str(), |it| &name[..name.len() - it.0.len()]);
    match stem.rsplit_once('.').filter(|it| !it.0.is_empty() && !it.1.is_empty()) {
        Some((_, extension)) => (extension.to_owned(), found.map(|it| it.1)),
        None if has_delimiter => ("csv".to_owned(), None),
        None => ("parquet".to_owned(), None),
    }
}

fn read_options(external: &External, reader: &str, compression: Option<String>) -> Vec<(String, String)> {
    let mut options: Vec<(String, String)> = match external.read_options.get(reader) {
        Some(given) => given.iter().map(|(key, value)| (key.clone(), literal(value))).collect(),
        None if reader == "parquet" => vec![("union_by_name".to_owned(), "false".to_owned())],
        None => vec![("auto_detect".to_owned(), "true".to_owned())],
    };
    if let Some(compression) = compression.filter(|_| !options.iter().any(|it| it.0 == "compression")) {
        options.push(("compression".to_owned(), quote_literal(&compression)));
    }
    options
}

/// A value as an argument of a reading function.
pub(in crate::run) fn literal(value: &Json) -> String {
    match value {
        Json::String(text) => quote_literal(text),
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", quote_literal(key), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, format_of};
    use crate::parse::duckdb_config::External;

    #[test]
    fn a_files_name_tells_its_format() {
        let check = |name: &str, has_delimiter: bool, format: &str, compression: Option<&str>| {
            assert_eq!(format_of(name, has_delimiter), (format.to_owned(), compression), "{name}");
        };
        check("a/b.CSV.GZ", false, "csv", Some("gzip"));
        check("s3://x/y.json.zst", false, "json", Some("zstd"));
        check("out/.hidden", false, "parquet", None);
        check("out", true, "csv", None);
        check("out.d/x", false, "parquet", None);
    }

    #[test]
    fn partitions_are_read_below_their_folders() {
        let options = vec![("partition_by".to_owned(), "a, b".to_owned())];
        let place = Place::new(&External { options, ..External::default() }, "out", "sales");
        assert_eq!(place.location, "out/sales");
        assert_eq!(place.copy_options(), "partition_by (a, b), format parquet");
        assert_eq!(place.read("out/sales"), "read_parquet('out/sales/*/*/*.parquet', union_by_name=false)");
    }
}
