//! Semantic models, metrics and saved queries: nodes that stand in YAML alone and that others run.
//!
//! They are read, checked and carried, so that the manifest has them and selectors find them. What a
//! measure or a metric means is for `graph/`. Deliberately absent: queries of them.

mod shape;
mod shapes;

use serde_json::{Map, Value as Json, json};

use self::shape::Shape;
use super::config_layer::{ConfigLayer, from_entries};
use super::{Body, FileProperties, ParsedNode, Parser, fqn, models, node_config, sources};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned};
use crate::node::{NodeKind, UniqueId};
use crate::project::ProjectFile;
use crate::project::config::Trees;
use crate::yaml::{Yaml, YamlKind};

/// A node of the semantic layer.
#[derive(Clone, Debug)]
pub struct Semantic {
    /// What it says, all keys with their defaults, in the words of dbt's manifest.
    pub definition: Map<String, Json>,
    /// Measures that it defines (a semantic model).
    pub measures: Vec<String>,
    /// Measures that it is made from (a metric).
    pub from_measures: Vec<Spanned<String>>,
    /// Metrics that it is made from (a metric or a saved query).
    pub from_metrics: Vec<Spanned<String>>,
}

/// Entries of `semantic_models:`, `metrics:` and `saved_queries:` as written.
#[derive(Clone, Debug)]
pub struct SemanticProperties {
    /// Which list it is in.
    pub kind: NodeKind,
    /// The entry.
    pub yaml: Yaml,
}

/// Every node of the semantic layer.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
) -> Vec<ParsedNode> {
    let mut nodes = Vec::new();
    for (file, properties) in properties {
        for entry in &properties.semantic {
            let mut reader = Reader { parser, diags, file };
            match entry.kind {
                NodeKind::SemanticModel => nodes.extend(reader.semantic_model(&entry.yaml)),
                NodeKind::Metric => nodes.extend(reader.metric(&entry.yaml)),
                _ => nodes.extend(reader.saved_query(&entry.yaml)),
            }
        }
    }
    nodes
}

struct Reader<'a, 'p> {
    parser: &'a Parser<'p>,
    diags: &'a mut Diagnostics,
    file: &'a ProjectFile,
}

impl Reader<'_, '_> {
    fn definition(&mut self, shape: &'static Shape, yaml: &Yaml) -> Option<Map<String, Json>> {
        let before = self.diags.all().len();
        let map = shape::read(self.diags, shape, yaml, self.parser.rules().unknown)?;
        // A name or another key that must be there was missed and reported.
        let is_whole = map.get("name").is_some_and(Json::is_string);
        (is_whole || self.diags.all().len() == before).then_some(map)
    }

    /// The model of a semantic model, and a metric for each measure that asks for one.
    fn semantic_model(&mut self, yaml: &Yaml) -> Vec<ParsedNode> {
        let Some(definition) = self.definition(&shapes::SEMANTIC_MODEL, yaml) else { return Vec::new() };
        let Some(mut node) = self.node(NodeKind::SemanticModel, yaml, definition, |it| &it.semantic_models)
        else {
            return Vec::new();
        };
        if let Some(model) =
            yaml.get("model").and_then(|it| Some(Spanned::new(it.as_str()?.to_owned(), it.span)))
        {
            sources::depends_on(self.parser, self.diags, &model, &mut node.refs, &mut node.sources);
        }
        let shared = node.config.meta.clone();
        let Body::Semantic(body) = &mut node.body else { return Vec::new() };
        for list in ["entities", "measures", "dimensions"] {
            for element in body.definition.get_mut(list).and_then(Json::as_array_mut).into_iter().flatten() {
                inherit_meta(element, &shared);
            }
        }
        let measures = body.definition.get_mut("measures").and_then(Json::as_array_mut);
        let mut metrics = Vec::new();
        for measure in measures.into_iter().flatten() {
            let name = measure.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
            if measure.get("create_metric") == Some(&Json::Bool(true)) {
                metrics.push(metric_of(&name, measure, &shared));
                // dbt notes the wish in the metric alone.
                measure["create_metric"] = Json::Bool(false);
            }
            body.measures.push(name);
        }
        let is_enabled = node.config.enabled;
        let mut nodes = vec![node];
        for (name, definition, layer) in metrics {
            let span = yaml.get("measures").map_or(yaml.span, |it| place_of(it, &name));
            let config = Spanned::new("enabled".to_owned(), span);
            let mut layers = self.parser.tree_layers(|it| &it.metrics, &self.fqn(&name));
            layers.push(ConfigLayer::new(vec![(config, Json::Bool(is_enabled))]));
            layers.push(ConfigLayer::new(vec![(Spanned::new("meta".to_owned(), span), layer)]));
            let mut node =
                self.named_node(NodeKind::Metric, Spanned::new(name.clone(), span), definition, &layers);
            if let Body::Semantic(body) = &mut node.body {
                body.from_measures.push(Spanned::new(name, span));
            }
            nodes.push(node);
        }
        nodes
    }

    fn metric(&mut self, yaml: &Yaml) -> Option<ParsedNode> {
        let mut definition = self.definition(&shapes::METRIC, yaml)?;
        let type_params = yaml.get("type_params")?;
        let kind = definition.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        complete_type_params(&mut definition, &kind);
        let (mut measures, mut metrics) = (Vec::new(), Vec::new());
        match kind.as_str() {
            "simple" | "cumulative" => self.names(type_params, &["measure"], &kind, &mut measures),
            "ratio" => self.names(type_params, &["numerator", "denominator"], &kind, &mut metrics),
            "derived" => self.names(type_params, &["metrics"], &kind, &mut metrics),
            "conversion" => match type_params.get("conversion_type_params") {
                Some(params) => {
                    self.names(params, &["base_measure", "conversion_measure"], &kind, &mut measures);
                }
                None => self.names(type_params, &["conversion_type_params"], &kind, &mut measures),
            },
            _ => {}
        }
        let mut node = self.node(NodeKind::Metric, yaml, definition, |it| &it.metrics)?;
        if let Body::Semantic(body) = &mut node.body {
            body.from_measures = measures;
            body.from_metrics = metrics;
        }
        check_metric_name(self.diags, &Spanned::new(node.name.clone(), node.span));
        Some(node)
    }

    /// The names under keys that this type of metric must have.
    fn names(&mut self, yaml: &Yaml, keys: &[&str], kind: &str, names: &mut Vec<Spanned<String>>) {
        for key in keys {
            let Some(value) = yaml.get(key).filter(|it| !it.is_null()) else {
                self.diags.push(
                    Diagnostic::error("invalid-metric", format!("a {kind} metric has no `{key}`"))
                        .at(yaml.span, format!("add `{key}:`")),
                );
                continue;
            };
            names.extend(names_in(value));
        }
    }

    fn saved_query(&mut self, yaml: &Yaml) -> Option<ParsedNode> {
        let definition = self.definition(&shapes::SAVED_QUERY, yaml)?;
        let mut node = self.node(NodeKind::SavedQuery, yaml, definition, |it| &it.saved_queries)?;
        let metrics = yaml.get("query_params").and_then(|it| it.get("metrics"));
        let default_schema = node.config.schema.clone();
        let export_as = node.config.values.get("export_as").map(|it| it.value.clone());
        let target = &self.parser.project.target;
        if let Body::Semantic(body) = &mut node.body {
            body.from_metrics = metrics.map(names_in).unwrap_or_default();
            for export in
                body.definition.get_mut("exports").and_then(Json::as_array_mut).into_iter().flatten()
            {
                let config = export.get("config").cloned().unwrap_or(Json::Null);
                let said = |key: &str| config.get(key).filter(|it| !it.is_null()).cloned();
                let name = export.get("name").cloned().unwrap_or(Json::Null);
                let schema = default_schema.clone().unwrap_or_else(|| target.schema.clone());
                export["unrendered_config"] = said_keys(&config);
                export["config"] = json!({
                    "export_as": said("export_as").or_else(|| export_as.clone()).unwrap_or_else(|| json!("table")),
                    "schema_name": said("schema").unwrap_or_else(|| Json::from(schema)),
                    "alias": said("alias").unwrap_or(name),
                    "database": said("database").unwrap_or_else(|| Json::from(target.database.as_str())),
                });
            }
        }
        Some(node)
    }

    fn node(
        &mut self,
        kind: NodeKind,
        yaml: &Yaml,
        mut definition: Map<String, Json>,
        tree: fn(&Trees) -> &Option<Yaml>,
    ) -> Option<ParsedNode> {
        let name = yaml.get("name").and_then(|it| Some(Spanned::new(it.as_str()?.to_owned(), it.span)))?;
        let fqn = self.fqn(&name.value);
        let mut layers = self.parser.tree_layers(tree, &fqn);
        let mut own = ConfigLayer::default();
        for key in ["meta", "tags"] {
            if let Some(value) = definition.remove(key)
                && !is_empty(&value)
            {
                own.push(Spanned::new(key.to_owned(), name.span), value);
            }
        }
        definition.remove("config");
        if let Some(entries) = yaml.get("config").and_then(Yaml::as_map) {
            own.extend(from_entries(entries));
        }
        layers.push(models::rendered_layer(self.parser, self.diags, &own));
        if let Some(text) =
            yaml.get("description").and_then(|it| Some(Spanned::new(it.as_str()?.to_owned(), it.span)))
        {
            let text = self.parser.description(self.diags, Some(&text));
            definition.insert("description".to_owned(), Json::from(text));
        }
        Some(self.named_node(kind, name, definition, &layers))
    }

    fn named_node(
        &mut self,
        kind: NodeKind,
        name: Spanned<String>,
        definition: Map<String, Json>,
        layers: &[ConfigLayer],
    ) -> ParsedNode {
        let config = node_config::merge(self.diags, &layers.iter().collect::<Vec<_>>(), self.parser.rules());
        let package = self.parser.package;
        let description = definition.get("description").and_then(Json::as_str).unwrap_or_default().to_owned();
        ParsedNode {
            unique_id: UniqueId(format!("{kind}.{package}.{}", name.value)),
            kind,
            fqn: self.fqn(&name.value),
            name: name.value,
            package: package.to_owned(),
            path: self.file.path.clone(),
            folder: self.file.folder.clone(),
            span: name.span,
            patch_path: None,
            description,
            described_at: None,
            columns: Vec::new(),
            config,
            refs: Vec::new(),
            sources: Vec::new(),
            functions: Vec::new(),
            macros: Vec::new(),
            relation: None,
            body: Body::Semantic(Box::new(Semantic {
                definition,
                measures: Vec::new(),
                from_measures: Vec::new(),
                from_metrics: Vec::new(),
            })),
        }
    }

    fn fqn(&self, name: &str) -> Vec<String> {
        fqn(self.parser.package, &self.file.path, &self.file.folder, name)
    }
}

fn is_empty(value: &Json) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

fn said_keys(config: &Json) -> Json {
    let said = config.as_object().into_iter().flatten().filter(|(_, it)| !it.is_null());
    Json::Object(said.map(|(key, it)| (key.clone(), it.clone())).collect())
}

/// What the semantic model says for all its parts is part of each one's `meta`.
fn inherit_meta(element: &mut Json, shared: &Json) {
    let mut meta = shared.as_object().cloned().unwrap_or_default();
    if let Some(own) = element.pointer("/config/meta").and_then(Json::as_object) {
        meta.extend(own.iter().map(|(key, it)| (key.clone(), it.clone())));
    }
    element["config"] = json!({ "meta": meta });
}

/// The simple metric that a measure with `create_metric: true` stands for, and its `meta`.
fn metric_of(name: &str, measure: &Json, meta: &Json) -> (String, Map<String, Json>, Json) {
    let said = |key: &str| measure.get(key).filter(|it| !it.is_null()).cloned();
    let mut definition = Map::new();
    let mut set = |key: &str, value: Json| definition.insert(key.to_owned(), value);
    set("name", json!(name));
    set("label", said("label").unwrap_or_else(|| json!(name)));
    set("type", json!("simple"));
    set(
        "description",
        said("description").unwrap_or_else(|| json!(format!("Metric created from measure {name}"))),
    );
    set("filter", Json::Null);
    set("time_granularity", Json::Null);
    let measure_input = json!({
        "name": name, "filter": null, "alias": null, "join_to_timespine": false, "fill_nulls_with": null,
    });
    set(
        "type_params",
        json!({
            "measure": measure_input, "numerator": null, "denominator": null,
            "expr": said("expr").unwrap_or_else(|| json!(name)), "window": null, "grain_to_date": null,
            "metrics": [], "conversion_type_params": null, "cumulative_type_params": null,
        }),
    );
    (name.to_owned(), definition, meta.clone())
}

/// What a cumulative metric says in the old place is part of its own parameters.
fn complete_type_params(definition: &mut Map<String, Json>, kind: &str) {
    let Some(Json::Object(params)) = definition.get_mut("type_params") else { return };
    if kind != "cumulative" {
        params.insert("cumulative_type_params".to_owned(), Json::Null);
        return;
    }
    let mut own = params.get("cumulative_type_params").cloned().filter(Json::is_object).unwrap_or_else(
        || json!({ "window": null, "grain_to_date": null, "period_agg": "first", "metric": null }),
    );
    for key in ["window", "grain_to_date"] {
        if own.get(key).is_none_or(Json::is_null) {
            own[key] = params.get(key).cloned().unwrap_or(Json::Null);
        }
    }
    params.insert("cumulative_type_params".to_owned(), own);
}

/// A name, a mapping with a name, or a list of those.
fn names_in(yaml: &Yaml) -> Vec<Spanned<String>> {
    match &yaml.kind {
        YamlKind::String(name) => vec![Spanned::new(name.clone(), yaml.span)],
        YamlKind::List(items) => items.iter().flat_map(names_in).collect(),
        YamlKind::Map(_) => yaml.get("name").map(names_in).unwrap_or_default(),
        YamlKind::Null | YamlKind::Bool(_) | YamlKind::Int(_) | YamlKind::Float(_) => Vec::new(),
    }
}

fn place_of(list: &Yaml, name: &str) -> Span {
    names_in(list).into_iter().find(|it| it.value == name).map_or(list.span, |it| it.span)
}

fn check_metric_name(diags: &mut Diagnostics, name: &Spanned<String>) {
    let is_good = name.value.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.value.chars().all(|it| it.is_alphanumeric() || it == '_')
        && name.value.len() <= 250;
    if !is_good {
        diags.push(
            Diagnostic::error("invalid-name", format!("`{}` cannot be a metric's name", name.value))
                .at(name.span, "only letters, digits and underscores, beginning with a letter, 250 at most"),
        );
    }
}
