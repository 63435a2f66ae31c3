//! Sources and exposures: nodes that stand in YAML alone.

use super::properties::{self, ExposureProperties, Freshness, SourceProperties};
use super::{Body, ExposureBody, FileProperties, ParsedNode, Parser, SourceBody, SourceDetails, fqn, models};
use super::{external_source, node_config};
use crate::diagnostics::{Diagnostic, Diagnostics, Spanned};
use crate::node::{IdentifierStyle, NodeKind, Quoting, Relation, UniqueId, is_word};
use crate::project::ProjectFile;
use crate::template::{RefCall, SourceCall, has_template_syntax};
use crate::yaml;

/// Every table of every source.
pub(super) fn read_sources(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    all_properties: &[FileProperties],
) -> Vec<ParsedNode> {
    let tables =
        all_properties.iter().flat_map(|(file, it)| it.sources.iter().map(move |table| (file, table)));
    tables.map(|(file, table)| source(parser, diags, file, table)).collect()
}

fn source(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    table: &SourceProperties,
) -> ParsedNode {
    let name = table.table.value.clone();
    let mut fqn = fqn(parser.package, &file.path, &file.folder, &table.source.value);
    fqn.push(name.clone());
    let mut layers = parser.tree_layers(|it| &it.sources, &fqn);
    layers.push(models::rendered_layer(parser, diags, &table.config));
    let mut config = node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules());
    config.tags.sort();
    // The source's and the table's are one to dbt.
    config.unrendered.remove("meta");
    config.unrendered.insert("tags".to_owned(), serde_json::Value::from(config.tags.clone()));
    let mut rendered = |text: &Option<Spanned<String>>| {
        let text = text.as_ref()?;
        let json = serde_json::Value::String(text.value.clone());
        match parser.settings.render_json(diags, &json, text.span) {
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    };
    let schema = rendered(&table.schema).unwrap_or_else(|| table.source.value.clone());
    let database = rendered(&table.database).unwrap_or_else(|| parser.project.target.database.clone());
    let identifier = rendered(&table.identifier).unwrap_or_else(|| name.clone());
    let loaded_at_field = rendered(&table.loaded_at_field);
    let names = external_source::Names {
        name: &name,
        identifier: &identifier,
        schema: &schema,
        database: &database,
        tags: &config.tags,
    };
    let in_place = external_source::read(diags, &config, &names, table.table.span);
    // The project's `quoting` is for what it makes, not for sources.
    let quoting = table.quoting.over_names(Quoting::ALL);
    let relation = in_place.unwrap_or_else(|| {
        let relation = Relation::new(database.clone(), schema.clone(), identifier.clone()).quoted_as(quoting);
        // Without quotes, what is no word is no name: a call of a function, for example.
        let is_name = quoting.identifier || is_word(&identifier);
        Relation { style: if is_name { relation.style } else { IdentifierStyle::Verbatim }, ..relation }
    });
    let of_project = |key: &str| config.values.get(key)?.value.as_str().map(str::to_owned);
    // The project file's freshness holds where the properties say nothing at all.
    let freshness = match (&table.freshness, config.values.get("freshness")) {
        (Freshness::Unsaid, Some(said)) => {
            let yaml = crate::project::settings::from_json(&said.value, said.span);
            properties::freshness(diags, &yaml, parser.rules().unknown)
        }
        (said, _) => said.clone(),
    };
    let body = SourceBody {
        source: table.source.value.clone(),
        source_description: parser.description(diags, table.source_description.as_ref()),
        loader: table.loader.clone().unwrap_or_default(),
        loaded_at_field: loaded_at_field.or_else(|| of_project("loaded_at_field")),
        loaded_at_query: table
            .loaded_at_query
            .as_ref()
            .map(|it| it.value.clone())
            .or_else(|| of_project("loaded_at_query")),
        freshness: freshness.rule(),
        is_freshness_off: freshness == Freshness::Off,
        details: Box::new(SourceDetails {
            quoting: table.quoting,
            external: table.external.clone(),
            source_meta: table.source_meta.clone(),
            database,
            schema,
            identifier,
            unrendered_database: table.database.as_ref().map(|it| as_written(file, it)),
            unrendered_schema: table.schema.as_ref().map(|it| as_written(file, it)),
        }),
    };
    ParsedNode {
        unique_id: UniqueId(format!("source.{}.{}.{name}", parser.package, table.source.value)),
        kind: NodeKind::Source,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span: table.table.span,
        patch_path: None,
        description: parser.description(diags, table.description.as_ref()),
        described_at: table.description.as_ref().map(|it| it.span),
        columns: parser.columns(diags, &table.columns),
        config,
        refs: Vec::new(),
        sources: Vec::new(),
        functions: Vec::new(),
        macros: Vec::new(),
        relation: Some(relation),
        body: Body::Source(body),
    }
}

/// A text of a properties file before templates were rendered in it.
fn as_written(file: &ProjectFile, text: &Spanned<String>) -> String {
    let place = text.span.start as usize..text.span.end as usize;
    let written = (text.span.file == file.id).then(|| file.text.get(place)).flatten();
    let written = written.filter(|it| has_template_syntax(it)).and_then(|it| yaml::parse_value(it).ok());
    written.and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_else(|| text.value.clone())
}

/// Every exposure.
pub(super) fn read_exposures(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
) -> Vec<ParsedNode> {
    let exposures = properties.iter().flat_map(|(file, it)| it.exposures.iter().map(move |it| (file, it)));
    exposures.map(|(file, it)| exposure(parser, diags, file, it)).collect()
}

fn exposure(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    exposure: &ExposureProperties,
) -> ParsedNode {
    let name = exposure.name.value.clone();
    let fqn = fqn(parser.package, &file.path, &file.folder, &name);
    let mut layers = parser.tree_layers(|it| &it.exposures, &fqn);
    layers.push(models::rendered_layer(parser, diags, &exposure.config));
    let mut config = node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules());
    config.tags.sort();
    let (mut refs, mut sources) = (Vec::new(), Vec::new());
    let mut metrics = Vec::new();
    for text in &exposure.depends_on {
        if let Some(name) = metric_call(text) {
            metrics.push(name);
            continue;
        }
        depends_on(parser, diags, text, &mut refs, &mut sources);
    }
    check_word(diags, exposure.kind.as_ref(), &["dashboard", "notebook", "analysis", "ml", "application"]);
    check_word(diags, exposure.maturity.as_ref(), &["high", "medium", "low"]);
    let body = ExposureBody {
        label: exposure.label.clone(),
        kind: exposure.kind.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
        url: exposure.url.clone(),
        maturity: exposure.maturity.as_ref().map(|it| it.value.clone()),
        owner: exposure.owner.clone(),
        metrics,
    };
    ParsedNode {
        unique_id: UniqueId(format!("exposure.{}.{name}", parser.package)),
        kind: NodeKind::Exposure,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span: exposure.name.span,
        patch_path: None,
        description: parser.description(diags, exposure.description.as_ref()),
        described_at: None,
        columns: Vec::new(),
        config,
        refs,
        sources,
        functions: Vec::new(),
        macros: Vec::new(),
        relation: None,
        body: Body::Exposure(body),
    }
}

/// The name in `metric('x')`.
fn metric_call(text: &Spanned<String>) -> Option<Spanned<String>> {
    let arguments = text.value.trim().strip_prefix("metric")?.trim_start().strip_prefix('(')?;
    let last = arguments.trim_end().strip_suffix(')')?.rsplit(',').next()?;
    let name = last.trim().trim_matches(['"', '\'']);
    Some(Spanned::new(name.to_owned(), text.span))
}

/// Reads `ref('x')` or `source('x', 'y')` where it stands as a text in YAML.
pub(super) fn depends_on(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    text: &Spanned<String>,
    refs: &mut Vec<Spanned<RefCall>>,
    sources: &mut Vec<Spanned<SourceCall>>,
) {
    let template = Spanned::new(format!("{{{{ {} }}}}", text.value), text.span);
    template_depends_on(parser, diags, &template, refs, sources);
}

/// What a template that stands in YAML refers to.
pub(super) fn template_depends_on(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    template: &Spanned<String>,
    refs: &mut Vec<Spanned<RefCall>>,
    sources: &mut Vec<Spanned<SourceCall>>,
) {
    match parser.templates.scan(&parser.inline(&template.value, template.span), &parser.context) {
        Ok(scan) => {
            refs.extend(scan.refs.into_iter().map(|it| Spanned::new(it.value, template.span)));
            sources.extend(scan.sources.into_iter().map(|it| Spanned::new(it.value, template.span)));
        }
        Err(mut error) => {
            error.span = Some(template.span);
            diags.push(error.into_diagnostic());
        }
    }
}

fn check_word(diags: &mut Diagnostics, word: Option<&Spanned<String>>, known: &[&str]) {
    if let Some(word) = word
        && !known.contains(&word.value.as_str())
    {
        diags.push(
            Diagnostic::error("invalid-value", format!("`{}` is not allowed here", word.value))
                .at(word.span, format!("write one of {}", known.join(", "))),
        );
    }
}
