//! From the manifest and what is known besides to the pages of the site.

mod columns;
mod detail;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use self::columns::columns;
use self::detail::detail;
use super::columns::{ColumnEdge, ColumnFacts};
use super::health::{self, Last, Past};
use super::layout;
use super::manifest::{Doc, Entry, Manifest};
use super::markdown;
use super::search::{self, Field};
use super::site::{ColumnDetail, ColumnGraph, Detail, EntityLink, Index, Page, ProjectInfo, Site};

/// Kinds that have a place in the picture of the whole.
const IN_PICTURE: [&str; 10] = [
    "source",
    "seed",
    "model",
    "snapshot",
    "function",
    "analysis",
    "exposure",
    "semantic_model",
    "metric",
    "saved_query",
];

/// How long a summary in lists is.
const SUMMARY: usize = 160;
/// How many pages' details are in one part of the data: small enough to be read at once.
pub(super) const PER_PART: usize = 32;

/// What pages are made from.
pub(super) struct Making<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) entries: Vec<&'a Entry>,
    /// Numbers of pages by unique id.
    pub(super) numbers: BTreeMap<&'a str, usize>,
    pub(super) facts: &'a ColumnFacts,
    pub(super) past: &'a Past<'a>,
    /// Tests that read a page, and the column each is about.
    pub(super) tests_of: BTreeMap<usize, Vec<usize>>,
    /// What calls a macro.
    pub(super) callers: BTreeMap<&'a str, Vec<usize>>,
    /// What is in a group, by the group's name.
    pub(super) members: BTreeMap<&'a str, Vec<usize>>,
    /// Edges to each column, by node and column in lower case.
    origins: BTreeMap<(&'a str, String), Vec<&'a ColumnEdge>>,
}

/// Makes the site.
pub(super) fn site(manifest: &Manifest, facts: &ColumnFacts, past: &Past<'_>, tool: &str) -> Site {
    let making = Making::new(manifest, facts, past);
    let mut words = search::Builder::default();
    let (mut pages, mut details) = (Vec::new(), Vec::new());
    for (number, entry) in making.entries.iter().enumerate() {
        let columns = columns(&making, number, entry);
        let page = making.page(number, entry, &columns);
        add_words(&mut words, number, &page, entry, &columns);
        details.push(detail(&making, number, entry, columns));
        pages.push(page);
    }
    let last = Last { statuses: statuses(&pages) };
    let columns = column_graph(&making, &details);
    let index = Index {
        project: ProjectInfo {
            name: manifest.metadata.project_name.clone(),
            generated_at: manifest.metadata.generated_at.clone(),
            tool: tool.to_owned(),
            engine: manifest.metadata.adapter_type.clone(),
        },
        overview: overview(manifest),
        health: health::health(past, &making.numbers, &last),
        places: places(&pages),
        relations: relations(&making),
        per_part: PER_PART,
        n_columns: columns.names.iter().map(Vec::len).sum(),
        n_column_edges: columns.edges.len(),
        pages,
    };
    Site { index, details, search: words.finish(), columns }
}

impl<'a> Making<'a> {
    fn new(manifest: &'a Manifest, facts: &'a ColumnFacts, past: &'a Past<'a>) -> Self {
        let entries = manifest.entries();
        let numbers: BTreeMap<&str, usize> =
            entries.iter().enumerate().map(|(number, it)| (it.unique_id.as_str(), number)).collect();
        let mut making = Self {
            manifest,
            numbers,
            facts,
            past,
            tests_of: BTreeMap::new(),
            callers: BTreeMap::new(),
            members: BTreeMap::new(),
            origins: BTreeMap::new(),
            entries,
        };
        for edge in &facts.edges {
            let to = (edge.to.0.as_str(), edge.to.1.to_lowercase());
            making.origins.entry(to).or_default().push(edge);
        }
        for (number, entry) in making.entries.iter().enumerate() {
            if health::is_test_id(&entry.unique_id) {
                for parent in making.up(&entry.unique_id) {
                    making.tests_of.entry(parent).or_default().push(number);
                }
            }
            for id in &entry.depends_on.macros {
                making.callers.entry(id).or_default().push(number);
            }
            if !entry.group.is_empty() && !health::is_test_id(&entry.unique_id) {
                making.members.entry(&entry.group).or_default().push(number);
            }
        }
        making
    }

    /// Who to ask about a node: its own owner, or that of its group.
    pub(super) fn owner_of(&self, entry: &Entry) -> String {
        let own = own_owner(entry);
        if !own.is_empty() || entry.group.is_empty() || health::is_test_id(&entry.unique_id) {
            return own;
        }
        let group = format!("group.{}.{}", entry.package_name, entry.group);
        self.numbers.get(group.as_str()).map(|it| own_owner(self.entries[*it])).unwrap_or_default()
    }

    /// The pages that a node is made from.
    fn up(&self, id: &str) -> Vec<usize> {
        let parents = self.manifest.parent_map.get(id).into_iter().flatten();
        parents.filter_map(|it| self.numbers.get(it.as_str()).copied()).collect()
    }

    /// The page that a test is shown on.
    pub(super) fn owner(&self, entry: &Entry) -> Option<usize> {
        let attached = self.numbers.get(entry.attached_node.as_str()).copied();
        attached.or_else(|| self.up(&entry.unique_id).last().copied())
    }

    /// The tests of a page that are declared on it, and of these on a column.
    pub(super) fn tests_on(&self, number: usize, column: &str) -> Vec<usize> {
        let tests = self.tests_of.get(&number).into_iter().flatten().copied();
        let is_on = |test: &usize| {
            let entry = self.entries[*test];
            entry.column_name.eq_ignore_ascii_case(column) && self.owner(entry) == Some(number)
        };
        tests.filter(is_on).collect()
    }

    /// The columns of pages that a column is made from.
    pub(super) fn origins(&self, id: &str, column: &str) -> Vec<(usize, String, u8)> {
        let edges = self.origins.get(&(id, column.to_lowercase())).into_iter().flatten();
        let origin = |it: &&ColumnEdge| {
            Some((*self.numbers.get(it.from.0.as_str())?, it.from.1.clone(), it.how.code()))
        };
        let mut origins: Vec<_> = edges.filter_map(origin).collect();
        origins.sort_unstable();
        origins
    }

    fn page(&self, number: usize, entry: &Entry, columns: &[ColumnDetail]) -> Page {
        let id = entry.unique_id.as_str();
        let is_test = health::is_test_id(id);
        let runs = self.past.runs_of(id, is_test);
        let last = runs.last();
        let name = match entry.resource_type.as_str() {
            "source" => format!("{}.{}", entry.source_name, entry.name),
            _ => entry.name.clone(),
        };
        Page {
            id: id.to_owned(),
            kind: entry.resource_type.clone(),
            name,
            package: entry.package_name.clone(),
            folders: folders(entry),
            path: file(entry),
            schema: entry.schema.clone(),
            materialized: if entry.resource_type == "model" {
                entry.config_text("materialized").to_owned()
            } else {
                String::new()
            },
            tags: entry.tags.clone(),
            group: entry.group.clone(),
            owner: self.owner_of(entry),
            summary: markdown::summary(&entry.description, SUMMARY),
            text: entry.description.clone(),
            color: color(entry),
            status: last.map(|it| it.status.clone()).unwrap_or_default(),
            rows: runs.iter().rev().find_map(|it| it.rows),
            up: self.up(id),
            tests: self.tests_of.get(&number).cloned().unwrap_or_default(),
            on: is_test.then(|| self.owner(entry)).flatten(),
            column: if is_test { entry.column_name.clone() } else { String::new() },
            test: test_word(entry),
            n_columns: columns.len(),
        }
    }
}

/// The generic test that an entry is, unless the project gave it a name that says more.
fn test_word(entry: &Entry) -> String {
    let test = &entry.test_metadata;
    let made = entry.name.strip_prefix("source_").unwrap_or(&entry.name);
    let made = made.strip_prefix(&format!("{}_", test.namespace)).unwrap_or(made);
    if made.starts_with(test.name.as_str()) { test.name.clone() } else { String::new() }
}

/// Where it is listed: sources by their source, all else by folder.
fn folders(entry: &Entry) -> Vec<String> {
    match entry.resource_type.as_str() {
        "source" => vec![entry.source_name.clone()],
        _ => match entry.fqn.as_slice() {
            [_, folders @ .., _] => folders.to_vec(),
            _ => Vec::new(),
        },
    }
}

/// The file it is in. Programs have no place in a site, so a path out of the project is left out.
fn file(entry: &Entry) -> String {
    let path = entry.original_file_path.replace('\\', "/");
    let is_inside = !path.starts_with('/') && !path.contains(':') && !path.split('/').any(|it| it == "..");
    if is_inside { path } else { String::new() }
}

/// An owner is said under `owner`, or as free data.
fn own_owner(entry: &Entry) -> String {
    let said = |owner: &Json| match owner {
        Json::String(it) => Some(it.clone()),
        Json::Object(it) => {
            let text = |key: &str| it.get(key).and_then(Json::as_str).filter(|it| !it.is_empty());
            text("name").or_else(|| text("email")).map(str::to_owned)
        }
        _ => None,
    };
    let own = said(&Json::Object(entry.owner.clone()));
    own.or_else(|| entry.meta.get("owner").and_then(said)).unwrap_or_default()
}

/// A color of the project's own, if it is nothing but a name or a hexadecimal number.
fn color(entry: &Entry) -> String {
    let of_config = entry.config.get("docs").and_then(|it| it.get("node_color")).and_then(Json::as_str);
    let color = of_config.unwrap_or(&entry.docs.node_color).trim();
    let is_name = !color.is_empty() && color.chars().all(|it| it.is_ascii_alphabetic());
    let is_number = color
        .strip_prefix('#')
        .is_some_and(|it| matches!(it.len(), 3 | 4 | 6 | 8) && it.chars().all(|it| it.is_ascii_hexdigit()));
    if is_name || is_number { color.to_ascii_lowercase() } else { String::new() }
}

fn statuses(pages: &[Page]) -> Vec<(usize, &str, bool)> {
    let status = |(number, page): (usize, &'_ Page)| (number, health::is_test_id(&page.id));
    let all = pages.iter().enumerate().filter(|(_, it)| !it.status.is_empty() && it.kind != "source");
    all.map(|(number, page)| {
        let (number, is_test) = status((number, page));
        (number, page.status.as_str(), is_test)
    })
    .collect()
}

/// The project's own `__overview__`, else that of a package, else none.
fn overview(manifest: &Manifest) -> Option<Json> {
    let own = &manifest.metadata.project_name;
    let is_overview = |it: &&Doc| it.name == "__overview__";
    let mut blocks = manifest.docs.values().filter(is_overview);
    let block = blocks.clone().find(|it| it.package_name == *own).or_else(|| blocks.next());
    // dbt's own text says how to use its site, not this one.
    block.filter(|it| it.package_name != "dbt").and_then(|it| markdown::tree(&it.block_contents))
}

fn places(pages: &[Page]) -> Vec<Option<(u32, f64)>> {
    let is_in: Vec<bool> = pages.iter().map(|it| IN_PICTURE.contains(&it.kind.as_str())).collect();
    let shown: Vec<usize> = (0..pages.len()).filter(|it| is_in[*it]).collect();
    let position: BTreeMap<usize, usize> = shown.iter().enumerate().map(|(at, page)| (*page, at)).collect();
    let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (to, page) in shown.iter().enumerate() {
        edges.extend(pages[*page].up.iter().filter_map(|it| Some((*position.get(it)?, to))));
    }
    let edges: Vec<(usize, usize)> = edges.into_iter().collect();
    let layered = layout::layered(shown.len(), &edges);
    let mut places = vec![None; pages.len()];
    for (page, place) in shown.iter().zip(layered) {
        places[*page] = Some((place.layer, (place.row * 100.0).round() / 100.0));
    }
    places
}

/// `relationships` tests as links between entities.
fn relations(making: &Making<'_>) -> Vec<EntityLink> {
    let mut links = Vec::new();
    for (test, entry) in making.entries.iter().enumerate() {
        if entry.test_metadata.name != "relationships" {
            continue;
        }
        let Some(from) = making.owner(entry) else { continue };
        let field = entry.test_metadata.kwargs.get("field").and_then(Json::as_str).unwrap_or_default();
        // A table may refer to itself.
        let others = making.up(&entry.unique_id);
        let to = others.iter().copied().find(|it| *it != from).unwrap_or(from);
        links.push(EntityLink {
            from,
            column: entry.column_name.clone(),
            to,
            field: field.trim_matches('"').to_owned(),
            test,
        });
    }
    links
}

fn column_graph(making: &Making<'_>, details: &[Detail]) -> ColumnGraph {
    let names: Vec<Vec<String>> =
        details.iter().map(|it| it.columns.iter().map(|it| it.name.clone()).collect()).collect();
    let mut lookup: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for (page, columns) in names.iter().enumerate() {
        for (at, name) in columns.iter().enumerate() {
            lookup.insert((page, name.to_lowercase()), at);
        }
    }
    let find = |(id, column): &(String, String)| {
        let page = *making.numbers.get(id.as_str())?;
        Some((page, *lookup.get(&(page, column.to_lowercase()))?))
    };
    let mut edges: Vec<(usize, usize, usize, usize, u8)> = making
        .facts
        .edges
        .iter()
        .filter_map(|it| {
            let (from, to) = (find(&it.from)?, find(&it.to)?);
            Some((from.0, from.1, to.0, to.1, it.how.code()))
        })
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut keys: Vec<(usize, usize, usize)> = making
        .facts
        .keys
        .iter()
        .filter_map(|(id, columns)| Some((*making.numbers.get(id.as_str())?, columns)))
        .flat_map(|(to, columns)| {
            columns.iter().filter_map(find).map(move |(from, column)| (from, column, to))
        })
        .collect();
    keys.sort_unstable();
    let unknown = making.facts.unknown.keys().filter_map(|it| making.numbers.get(it.as_str()).copied());
    ColumnGraph { names, edges, keys, unknown: unknown.collect() }
}

fn add_words(
    words: &mut search::Builder,
    number: usize,
    page: &Page,
    entry: &Entry,
    columns: &[ColumnDetail],
) {
    words.add(number, Field::Name, &page.name);
    if !entry.alias.is_empty() && !health::is_test_id(&page.id) {
        words.add(number, Field::Name, &entry.alias);
    }
    words.add(number, Field::Name, &entry.label);
    for column in columns {
        words.add(number, Field::Column, &column.name);
        words.add(number, Field::Description, &column.text);
    }
    for tag in page.tags.iter().chain([&page.group, &page.owner, &page.schema]) {
        words.add(number, Field::Tag, tag);
    }
    words.add(number, Field::Description, &entry.description);
    // A generic test's text is a call with its arguments, which its name has.
    if page.kind != "test" || page.column.is_empty() {
        words.add(number, Field::Code, &entry.raw_code);
        words.add(number, Field::Code, &entry.macro_sql);
    }
}
