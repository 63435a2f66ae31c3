//! Data tests: generic ones declared in properties, and singular ones in files.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde_json::Value as Json;

use super::check::{self, Check, OWN_TESTS};
use super::config_layer::ConfigLayer;
use super::node_config::{self, NodeConfig};
use super::properties::{ColumnProperties, Section, SingularTestProperties, TestEntry};
use super::{
    Body, DataTest, FileProperties, GenericTest, Named, Owner, ParsedNode, Parser, TestKind, files, fqn,
    models, sources, start_of, test_names,
};
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::{NodeKind, Relation, UniqueId, quote_identifier};
use crate::project::{FileKind, ProjectFile};
use crate::template::{
    FoundMaterialization, MacroKind, RefCall, Scan, SourceCall, TemplateError, TemplateValue,
};

/// All tests of a project.
pub(super) fn read(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    properties: &[FileProperties],
) -> Vec<ParsedNode> {
    let mut tests = Vec::new();
    for (file, properties) in properties {
        for node in properties.nodes.iter().filter(|it| it.section != Section::Analyses) {
            if node.versions.is_empty() {
                let owner = OwnerPlace::node(&node.name, None);
                generic_of(parser, diags, file, &owner, &node.tests, &node.columns, &mut tests);
            }
            for version in &node.versions {
                let owner = OwnerPlace::node(&node.name, Some(&version.version.value));
                let table = version.tests.as_ref().unwrap_or(&node.tests);
                let columns = &version.columns;
                generic_of(parser, diags, file, &owner, table, columns, &mut tests);
            }
        }
        for table in &properties.sources {
            let call = SourceCall { source: table.source.value.clone(), table: table.table.value.clone() };
            let target = format!("{}_{}", call.source, call.table);
            let tags = table.config.entries().iter().filter(|(key, _)| key.value == "tags");
            let tags = tags.flat_map(|(_, value)| super::properties::texts(value)).collect();
            let owner = OwnerPlace { owner: Owner::Source(call), target, span: table.table.span, tags };
            generic_of(parser, diags, file, &owner, &table.tests, &table.columns, &mut tests);
        }
    }
    tests.extend(singular(parser, diags, properties));
    tests
}

/// The node that tests are declared on, as ids and names need it.
struct OwnerPlace {
    owner: Owner,
    target: String,
    span: Span,
    /// The tags that its tests have: those of a source's table.
    tags: Vec<String>,
}

impl OwnerPlace {
    fn node(name: &Spanned<String>, version: Option<&String>) -> Self {
        let target = version.map_or_else(|| name.value.clone(), |it| format!("{}_v{it}", name.value));
        let call = RefCall { package: None, name: name.value.clone(), version: version.cloned() };
        Self { owner: Owner::Ref(call), target, span: name.span, tags: Vec::new() }
    }

    /// The `model` argument as dbt writes it, for ids.
    fn model_argument(&self) -> String {
        let call = match &self.owner {
            Owner::Ref(RefCall { name, version: Some(version), .. }) => {
                format!("ref('{name}', version='{version}')")
            }
            Owner::Ref(RefCall { name, .. }) => format!("ref('{name}')"),
            Owner::Source(SourceCall { source, table }) => format!("source('{source}', '{table}')"),
        };
        format!("{{{{ get_where_subquery({call}) }}}}")
    }
}

fn generic_of(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    owner: &OwnerPlace,
    table_tests: &[TestEntry],
    columns: &[ColumnProperties],
    tests: &mut Vec<ParsedNode>,
) {
    for entry in table_tests {
        tests.extend(generic(parser, diags, file, owner, None, entry));
    }
    for column in columns {
        for entry in &column.tests {
            tests.extend(generic(parser, diags, file, owner, Some(column), entry));
        }
    }
}

fn generic(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    owner: &OwnerPlace,
    column: Option<&ColumnProperties>,
    entry: &TestEntry,
) -> Option<ParsedNode> {
    let (namespace, name) = match entry.name.value.split_once('.') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, entry.name.value.clone()),
    };
    // A quoted column is quoted in names and ids too, as in dbt.
    let column_name = column.map(|it| {
        let name = &it.name.value;
        if it.quote.unwrap_or(false) { quote_identifier(name) } else { name.clone() }
    });
    let column_name = column_name.as_deref();
    let (macro_id, check) = meaning(parser, diags, namespace.as_deref(), &name, column_name, entry)?;
    let mut arguments: Vec<(String, Json)> =
        entry.arguments.iter().map(|(name, value)| (name.value.clone(), value.to_json())).collect();
    if let Some(column) = column_name {
        arguments.push(("column_name".to_owned(), Json::from(column)));
    }

    let mut hashed = arguments.clone();
    hashed.push(("model".to_owned(), Json::from(owner.model_argument())));
    let source_prefix = if matches!(owner.owner, Owner::Source(_)) { "source_" } else { "" };
    let package_prefix = namespace.as_ref().map(|it| format!("{it}_")).unwrap_or_default();
    let names = match &entry.custom_name {
        Some(custom) => test_names::TestNames { short: custom.value.clone(), full: custom.value.clone() },
        None => {
            test_names::synthesize(&format!("{package_prefix}{source_prefix}{name}"), &owner.target, &hashed)
        }
    };
    let hash = test_names::hash(&names.full, &name, namespace.as_deref(), &hashed);

    let fqn = fqn(parser.package, &file.path, &file.folder, &names.full);
    let mut layers = parser.tree_layers(|it| &it.data_tests, &fqn);
    layers.push(models::rendered_layer(parser, diags, &entry.config));

    let (mut refs, mut source_calls) = (Vec::new(), Vec::new());
    match &owner.owner {
        Owner::Ref(call) => refs.push(Spanned::new(call.clone(), owner.span)),
        Owner::Source(call) => source_calls.push(Spanned::new(call.clone(), owner.span)),
    }
    for (name, value) in &entry.arguments {
        if name.value == "column_name" {
            continue;
        }
        for template in templates_in(&value.to_json()) {
            let template = Spanned::new(template, value.span);
            sources::template_depends_on(parser, diags, &template, &mut refs, &mut source_calls);
        }
    }
    let (mut macros, mut functions) = (vec![macro_id.clone()], Vec::new());
    if let Some(scan) = scan_own_test(parser, diags, owner, entry, &macro_id, &arguments)? {
        layers.insert(layers.len() - 1, ConfigLayer::new(scan.config));
        refs.extend(scan.refs);
        source_calls.extend(scan.sources);
        functions.extend(scan.functions);
        macros.extend(scan.macros);
    }
    let mut config = node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules());
    // A test has the tags of its column and of its source's table, but not in its config.
    config.tags.extend(owner.tags.iter().cloned());
    config.tags.extend(column.iter().flat_map(|it| it.tags.clone()));
    config.tags.sort();
    config.tags.dedup();
    let test = GenericTest {
        owner: owner.owner.clone(),
        name,
        namespace,
        macro_id: macro_id.clone(),
        arguments,
        check,
        short_name: names.short.clone(),
    };
    let relation = test_relation(parser, diags, &config, &names.short, entry.name.span);
    Some(ParsedNode {
        unique_id: UniqueId(format!("test.{}.{}.{hash}", parser.package, names.full)),
        kind: NodeKind::Test,
        name: names.full,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span: entry.name.span,
        patch_path: None,
        description: parser.description(diags, entry.description.as_ref()),
        described_at: entry.description.as_ref().map(|it| it.span),
        columns: Vec::new(),
        config,
        refs,
        sources: source_calls,
        functions,
        macros,
        relation: Some(relation),
        body: Body::Test(DataTest {
            column: column_name.map(str::to_owned),
            kind: TestKind::Generic(Box::new(test)),
        }),
    })
}

/// What the test's own macro says of itself: `config()` in the test block, and what it refers to besides
/// its arguments. The built-in tests say nothing. `Err`-like `None`: the macro cannot be read.
#[expect(clippy::option_option, reason = "not scanned and could not be scanned are different things")]
fn scan_own_test(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    owner: &OwnerPlace,
    entry: &TestEntry,
    macro_id: &str,
    arguments: &[(String, Json)],
) -> Option<Option<Scan>> {
    if macro_id.starts_with("macro.dbt.") || macro_id.starts_with("macro.tidemill.") {
        return Some(None);
    }
    let (package, name) = macro_id.trim_start_matches("macro.").split_once('.')?;
    let target = &parser.project.target;
    let model = TemplateValue::Relation(Relation::new(&target.database, &target.schema, &owner.target));
    let mut kwargs = vec![("model".to_owned(), model)];
    kwargs.extend(arguments.iter().map(|(name, value)| (name.clone(), TemplateValue::Json(value.clone()))));
    match parser.templates.scan_test(package, name, &kwargs, &parser.context, entry.name.span) {
        Ok(scan) => Some(Some(scan)),
        Err(error) => {
            diags.push(error.into_diagnostic());
            None
        }
    }
}

/// Macros that say what is around a test's query: with forms of the project's own, no test's meaning is known.
const AROUND: [&str; 4] = ["get_limit_sql", "get_limit_subquery_sql", "get_test_sql", "get_where_subquery"];

/// Which macro makes the test's query, and what is known of its meaning.
fn meaning(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    namespace: Option<&str>,
    name: &str,
    column: Option<&str>,
    entry: &TestEntry,
) -> Option<(String, Check)> {
    let macro_name = format!("test_{name}");
    let found = parser.templates.find_macro(namespace.unwrap_or(parser.package), &macro_name);
    match found {
        Some(definition) => {
            let id = format!("macro.{}.{macro_name}", definition.package);
            // Only the built-in macro's meaning is known; a project's own of the same name means what it says.
            let is_own = |name: &str| parser.templates.override_of(parser.package, name).is_some();
            let is_known = definition.package == "dbt"
                && !is_own(&macro_name)
                && !AROUND.iter().any(|it| is_own(it))
                && !matches!(parser.by_macro.find("test"), FoundMaterialization::Macro(_));
            let check = if is_known {
                check::read(diags, name, entry, column, parser.rules().unknown)?
            } else {
                Check::Query
            };
            Some((id, check))
        }
        None if namespace.is_none() && OWN_TESTS.contains(&name) => {
            let check = check::read(diags, name, entry, column, parser.rules().unknown)?;
            Some((format!("macro.tidemill.{macro_name}"), check))
        }
        None => {
            diags.push(unknown_test(parser, entry));
            None
        }
    }
}

fn unknown_test(parser: &Parser<'_>, entry: &TestEntry) -> Diagnostic {
    let macros = parser.templates.macros().iter().filter(|it| it.kind == MacroKind::Test);
    let mut known: Vec<&str> = macros.filter_map(|it| it.name.strip_prefix("test_")).collect();
    known.extend(OWN_TESTS);
    known.sort_unstable();
    let diagnostic = Diagnostic::error("unknown-test", format!("there is no test `{}`", entry.name.value))
        .at(entry.name.span, "declared here");
    let bare = entry.name.value.split_once('.').map(|(_, name)| name).filter(|it| OWN_TESTS.contains(it));
    let built_in = bare.map(|name| format!("`{name}` is built in: write it without its package"));
    match built_in.or_else(|| suggest::did_you_mean(&entry.name.value, known.iter().copied())) {
        Some(help) => diagnostic.help(help),
        None => diagnostic.note(format!("tests: {}", known.join(", "))),
    }
}

/// The template that an argument is: its text, or a bare `ref(...)` as dbt takes it.
pub(crate) fn argument_template(text: &str) -> Option<String> {
    if text.contains("{{") || text.contains("{%") {
        return Some(text.to_owned());
    }
    let text = text.trim();
    let is_call =
        |name: &&str| text.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('('));
    let calls = ["ref", "source", "var", "env_var", "doc"];
    (text.ends_with(')') && calls.iter().any(is_call)).then(|| format!("{{{{ {text} }}}}"))
}

/// The templates in an argument: the text that it is, or those in a list or dictionary.
fn templates_in(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) => argument_template(text).into_iter().collect(),
        Json::Array(items) => items.iter().flat_map(templates_in).collect(),
        Json::Object(entries) => entries.values().flat_map(templates_in).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => Vec::new(),
    }
}

/// Where failing rows are stored: in dbt's own schema for them unless the config names another.
fn test_relation(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    config: &NodeConfig,
    name: &str,
    span: Span,
) -> Relation {
    let schema = config.schema.clone().or_else(|| Some("dbt_test__audit".to_owned()));
    let config = NodeConfig { schema, ..config.clone() };
    parser.relation(diags, &Named { kind: NodeKind::Test, name, config: &config, span })
}

/// What YAML says about a singular test, and in which file.
type Described<'a> = (&'a ProjectFile, &'a SingularTestProperties);

fn singular(parser: &Parser<'_>, diags: &mut Diagnostics, properties: &[FileProperties]) -> Vec<ParsedNode> {
    let mut described: BTreeMap<&str, Described<'_>> = BTreeMap::new();
    for (file, properties) in properties {
        for test in &properties.singular_tests {
            if let Some((_, first)) = described.insert(&test.name.value, (file, test)) {
                diags.push(models::described_twice("singular test", &test.name, &first.name));
            }
        }
    }
    let scanned: Vec<(&ProjectFile, Result<Scan, TemplateError>)> = files(parser, FileKind::SingularTest)
        .collect::<Vec<_>>()
        .into_par_iter()
        .map(|file| (file, parser.templates.scan(&parser.whole(file), &parser.context)))
        .collect();
    let mut tests = Vec::new();
    for (file, scan) in scanned {
        match scan {
            Ok(scan) => {
                let described = described.remove(file.path.stem());
                tests.push(singular_test(parser, diags, file, scan, described));
            }
            Err(error) => {
                described.remove(file.path.stem());
                diags.push(error.into_diagnostic());
            }
        }
    }
    for (_, test) in described.into_values() {
        let known = tests.iter().map(|it| it.name.as_str());
        diags.push(models::undescribed(parser, "singular test", &test.name, known));
    }
    tests
}

fn singular_test(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    file: &ProjectFile,
    scan: Scan,
    described: Option<Described<'_>>,
) -> ParsedNode {
    let name = file.path.stem().to_owned();
    let fqn = fqn(parser.package, &file.path, &file.folder, &name);
    let mut layers = parser.tree_layers(|it| &it.data_tests, &fqn);
    if let Some((_, properties)) = described {
        layers.push(models::rendered_layer(parser, diags, &properties.config));
    }
    layers.push(ConfigLayer::new(scan.config));
    let config = node_config::merge(diags, &layers.iter().collect::<Vec<_>>(), parser.rules());
    let relation = test_relation(parser, diags, &config, &name, start_of(file.id));
    let description = described.and_then(|(_, it)| it.description.as_ref());
    ParsedNode {
        unique_id: UniqueId(format!("test.{}.{name}", parser.package)),
        kind: NodeKind::Test,
        name,
        package: parser.package.to_owned(),
        fqn,
        path: file.path.clone(),
        folder: file.folder.clone(),
        span: start_of(file.id),
        patch_path: described.map(|(file, _)| file.path.clone()),
        description: parser.description(diags, description),
        described_at: description.map(|it| it.span),
        columns: Vec::new(),
        config,
        refs: scan.refs,
        sources: scan.sources,
        functions: scan.functions,
        macros: scan.macros,
        relation: Some(relation),
        body: Body::Test(DataTest { column: None, kind: TestKind::Singular { sql: parser.whole(file) } }),
    }
}
