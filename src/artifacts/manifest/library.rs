//! Entries of `macros` and `docs`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::calls;
use super::config::Docs;
use super::entry::Context;
use crate::parse::Doc;
use crate::parse::properties::{ArgumentProperties, MacroProperties};
use crate::template::{MacroDefinition, MacroKind};

/// A macro or generic test with all keys that dbt gives it.
#[derive(Serialize)]
pub(super) struct ManifestMacro<'a> {
    name: &'a str,
    resource_type: &'static str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: String,
    macro_sql: &'a str,
    depends_on: MacroDependsOn,
    description: &'a str,
    meta: Json,
    docs: Docs<'a>,
    config: MacroConfig<'a>,
    patch_path: Option<String>,
    arguments: Vec<Argument<'a>>,
    created_at: f64,
    supported_languages: Option<&'a [String]>,
}

/// What a macro calls, as far as its text tells.
#[derive(Serialize)]
struct MacroDependsOn {
    macros: Vec<String>,
}

#[derive(Serialize)]
struct MacroConfig<'a> {
    meta: Json,
    docs: Docs<'a>,
}

#[derive(Serialize)]
struct Argument<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    description: &'a str,
}

/// A docs block.
#[derive(Serialize)]
pub(super) struct ManifestDoc<'a> {
    name: &'a str,
    resource_type: &'static str,
    package_name: &'a str,
    path: &'a str,
    original_file_path: &'a str,
    unique_id: String,
    block_contents: &'a str,
}

pub(super) fn macro_id(definition: &MacroDefinition) -> String {
    format!("macro.{}.{}", definition.package, definition.name)
}

pub(super) fn doc_id(doc: &Doc) -> String {
    format!("doc.{}.{}", doc.package, doc.name)
}

/// All macros by id, those of the program among them.
pub(super) fn macros<'a>(context: &Context<'a>) -> BTreeMap<String, ManifestMacro<'a>> {
    // Properties of macros can only be written for the project's own.
    let project = &context.project.config.name.value;
    let mut described: BTreeMap<&str, &MacroProperties> = BTreeMap::new();
    for properties in &context.graph.macro_properties {
        described.insert(&properties.name.value, properties);
    }
    let definitions = context.graph.templates.macros().iter();
    let entry = |it: &'a MacroDefinition| {
        let is_own = it.package == *project;
        // A generic test is described by its name, its macro has `test_` before that.
        let name = it.name.strip_prefix("test_").unwrap_or(&it.name);
        let properties = described.get(it.name.as_str()).or_else(|| described.get(name));
        let id = macro_id(it);
        (id.clone(), ManifestMacro::new(context, it, id, properties.copied().filter(|_| is_own)))
    };
    definitions.map(entry).collect()
}

impl<'a> ManifestMacro<'a> {
    fn new(
        context: &Context<'a>,
        definition: &'a MacroDefinition,
        unique_id: String,
        properties: Option<&'a MacroProperties>,
    ) -> Self {
        let path = &context.sources.get(definition.span.file).path;
        let block = context.sources.text_of(definition.block);
        let meta = properties.map_or_else(|| Json::Object(Map::new()), |it| it.meta.clone());
        let argument = |it: &'a ArgumentProperties| Argument {
            name: &it.name.value,
            kind: it.kind.as_ref().map(|it| it.value.as_str()),
            description: it.description.as_ref().map_or("", |it| &it.value),
        };
        let docs = || properties.map_or_else(Docs::shown, |it| Docs::new(Some(&it.docs)));
        let properties_file = properties.map(|it| &context.sources.get(it.name.span.file).path);
        Self {
            name: &definition.name,
            resource_type: "macro",
            package_name: &definition.package,
            path,
            original_file_path: path,
            unique_id,
            macro_sql: block,
            depends_on: MacroDependsOn {
                macros: calls::of_macro(&context.graph.templates, definition, block),
            },
            description: properties.and_then(|it| it.description.as_ref()).map_or("", |it| &it.value),
            meta: meta.clone(),
            docs: docs(),
            config: MacroConfig { meta, docs: docs() },
            patch_path: properties_file.map(|it| format!("{}://{it}", definition.package)),
            arguments: properties.map(|it| it.arguments.iter().map(argument).collect()).unwrap_or_default(),
            created_at: context.created_at,
            supported_languages: (definition.kind == MacroKind::Materialization)
                .then_some(definition.languages.as_slice()),
        }
    }
}

/// All docs blocks by id.
pub(super) fn docs<'a>(context: &Context<'a>) -> BTreeMap<String, ManifestDoc<'a>> {
    let entry = |doc: &'a Doc| {
        let block = ManifestDoc {
            name: &doc.name,
            resource_type: "doc",
            package_name: &doc.package,
            path: context.path_in_folder(&doc.path),
            original_file_path: doc.path.as_str(),
            unique_id: doc_id(doc),
            block_contents: &doc.contents,
        };
        (doc_id(doc), block)
    };
    context.graph.docs.iter().map(entry).collect()
}
