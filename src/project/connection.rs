//! One target's keys: path, schema, extensions, settings, attached databases.
//!
//! The keys are those of dbt-duckdb's profiles. What needs Python or a service is refused, or said to have
//! no effect, at its place. Secrets are read by `credentials`.

use serde_json::Value as Json;

use super::credentials;
use super::target::{Retries, Target, context};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::warehouse::{Attachment, Extension};
use crate::yaml::Yaml;
use crate::yaml::fields::{Fields, scalar_text, wrong_type};

/// Reads one target. Its templates are rendered already.
pub(super) fn read(
    diags: &mut Diagnostics,
    name: &Spanned<String>,
    yaml: &Yaml,
    profile: &str,
    severity: Severity,
) -> Option<Target> {
    let mut fields = Fields::new(diags, yaml, "a target")?;
    let kind = fields.string(diags, "type");
    if let Some(kind) = kind.filter(|it| it.value != "duckdb") {
        diags.push(unknown_engine(&kind));
        return None;
    }
    let path = fields.string(diags, "path");
    if refuse_services(diags, &mut fields, path.as_ref()) {
        return None;
    }
    let path = path.map_or_else(|| ":memory:".to_owned(), |it| it.value);
    let threads = whole_number(diags, &mut fields, "threads");
    let settings = pairs(diags, &mut fields, "settings");
    let attach: Vec<Attachment> =
        fields.list(diags, "attach").iter().filter_map(|it| attachment(diags, it, severity)).collect();
    let create_secrets = credentials::read(diags, &mut fields);
    let is_lake = fields.bool(diags, "is_ducklake").unwrap_or(false);
    let target = Target {
        name: name.value.clone(),
        profile: profile.to_owned(),
        database: database(diags, &mut fields, &path, &attach),
        is_lake: is_lake || is_lake_path(&path),
        path,
        schema: fields.string(diags, "schema").map_or_else(|| "main".to_owned(), |it| it.value),
        threads,
        settings,
        config_options: pairs(diags, &mut fields, "config_options"),
        extensions: extensions(diags, &mut fields, severity),
        attach,
        create_secrets,
        external_root: fields
            .string(diags, "external_root")
            .map_or_else(|| ".".to_owned(), |it| it.value.trim_end_matches('/').to_owned()),
        retries: retries(diags, &mut fields, severity),
        secrets: credentials::hidden(yaml),
        context: Json::Null,
        span: Some(name.span),
    };
    say_what_has_no_effect(diags, &mut fields);
    fields.finish(diags, severity);
    let context = context(&target, yaml.as_map().unwrap_or_default());
    Some(Target { context, ..target })
}

fn unknown_engine(kind: &Spanned<String>) -> Diagnostic {
    Diagnostic::error(
        "unsupported-type",
        format!("`{}` is not an engine that Tidemill builds in", kind.value),
    )
    .at(kind.span, "only `duckdb` is")
    .note("other databases can be attached to DuckDB and read from there: see `attach:`")
}

/// MotherDuck and Buena Vista, however they are asked for.
fn refuse_services(diags: &mut Diagnostics, fields: &mut Fields<'_>, path: Option<&Spanned<String>>) -> bool {
    if let Some(path) = path.filter(|it| is_motherduck(&it.value)) {
        diags.push(no_motherduck(path.span));
        return true;
    }
    for key in ["motherduck_token", "flights"] {
        if let (Some(_), Some(place)) = (fields.get(key), fields.key(key)) {
            diags.push(no_motherduck(place.span));
            return true;
        }
    }
    if fields.get("remote").is_some() {
        diags.push(
            Diagnostic::error("unsupported-key", "servers of Buena Vista (`remote`) are not supported")
                .at_opt(fields.key("remote").map(|it| it.span), "set here")
                .help("give the `path` of a database file, or attach the server's database with `attach:`"),
        );
        return true;
    }
    false
}

fn is_motherduck(path: &str) -> bool {
    let scheme = path.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|it| it == "md" || it == "motherduck")
}

fn no_motherduck(span: Span) -> Diagnostic {
    Diagnostic::error("unsupported-path", "MotherDuck databases are not supported")
        .at(span, "only files, DuckLakes and `:memory:` are")
}

/// The database of models that name none: the one at `path`, or an attached one.
fn database(diags: &mut Diagnostics, fields: &mut Fields<'_>, path: &str, attach: &[Attachment]) -> String {
    let of_path = database_name(path);
    let Some(given) = fields.string(diags, "database") else { return of_path };
    let aliases: Vec<&str> = attach.iter().filter_map(|it| it.alias.as_deref()).collect();
    let known = || std::iter::once(of_path.as_str()).chain(aliases.iter().copied());
    if !known().any(|it| it.eq_ignore_ascii_case(&given.value)) {
        let help = suggest::did_you_mean(&given.value, known()).unwrap_or_else(|| {
            format!("leave `database` out, or attach a database with `alias: {}`", given.value)
        });
        diags.push(
            Diagnostic::error("unknown-database", format!("this target has no database `{}`", given.value))
                .at(given.span, format!("the database of `{path}` is called `{of_path}`"))
                .help(help),
        );
    }
    given.value
}

/// The name that the engine gives to the database of a path: the file's name up to its first point.
pub(super) fn database_name(path: &str) -> String {
    if path.starts_with(":memory:") {
        return "memory".to_owned();
    }
    let path = if is_lake_path(path) { path.split_once(':').map_or(path, |it| it.1) } else { path };
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).trim_start_matches('.');
    name.split('.').next().unwrap_or(name).to_owned()
}

fn is_lake_path(path: &str) -> bool {
    path.get(..9).is_some_and(|it| it.eq_ignore_ascii_case("ducklake:"))
}

fn whole_number(diags: &mut Diagnostics, fields: &mut Fields<'_>, key: &'static str) -> Option<usize> {
    let text = fields.string(diags, key)?;
    match text.value.parse() {
        Ok(number) if number > 0 => Some(number),
        Ok(_) | Err(_) => {
            diags.push(
                Diagnostic::error("wrong-type", format!("`{key}` must be a whole number of at least 1"))
                    .at(text.span, ""),
            );
            None
        }
    }
}

fn pairs(diags: &mut Diagnostics, fields: &mut Fields<'_>, key: &'static str) -> Vec<(String, String)> {
    let Some(yaml) = fields.get(key) else { return Vec::new() };
    let Some(entries) = yaml.as_map() else {
        diags.push(wrong_type(yaml, key, "a mapping of settings to values"));
        return Vec::new();
    };
    entries.iter().filter_map(|(name, value)| Some((name.value.clone(), scalar_text(value)?))).collect()
}

/// An extension is a name, a path, or `{name: ..., repo: ...}`.
fn extensions(diags: &mut Diagnostics, fields: &mut Fields<'_>, severity: Severity) -> Vec<Extension> {
    let mut extensions = Vec::new();
    for item in fields.list(diags, "extensions") {
        if let Some(name) = scalar_text(item) {
            extensions.push(Extension { name, repository: None });
            continue;
        }
        let Some(mut fields) = Fields::new(diags, item, "an extension") else { continue };
        let name = fields.string(diags, "name");
        let repository = fields.string(diags, "repo").map(|it| it.value.trim_matches('\'').to_owned());
        fields.finish(diags, severity);
        match name {
            Some(name) => extensions.push(Extension { name: name.value, repository }),
            None => diags.push(
                Diagnostic::error("missing-key", "an extension has no `name`")
                    .at(item.span, "add `name:` here"),
            ),
        }
    }
    extensions
}

fn attachment(diags: &mut Diagnostics, yaml: &Yaml, severity: Severity) -> Option<Attachment> {
    let mut fields = Fields::new(diags, yaml, "an attached database")?;
    let path = path_of(diags, &mut fields, yaml.span)?;
    let mut options: Vec<(String, Json)> = Vec::new();
    if let Some(given) = fields.get("options") {
        match given.as_map() {
            Some(entries) => options.extend(entries.iter().map(|it| (it.0.value.clone(), it.1.to_json()))),
            None => diags.push(wrong_type(given, "options", "a mapping of options to values")),
        }
    }
    for key in ["type", "secret", "read_only"] {
        let is_twice = options.iter().any(|it| it.0 == key) && fields.get(key).is_some();
        if let (true, Some(place)) = (is_twice, fields.key(key)) {
            diags.push(
                Diagnostic::error("duplicate-key", format!("`{key}` is given twice for this database"))
                    .at(place.span, "here, and under `options:`"),
            );
        }
    }
    let mut option = |key: &str| {
        let at = options.iter().position(|it| it.0 == key)?;
        Some(options.remove(at).1)
    };
    let text = |it: Json| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let (kind, secret) = (option("type").map(text), option("secret").map(text));
    let read_only = option("read_only") == Some(Json::Bool(true));
    let attachment = Attachment {
        is_lake: fields.bool(diags, "is_ducklake").unwrap_or(false) || is_lake_path(&path),
        path,
        alias: fields.string(diags, "alias").map(|it| it.value),
        kind: fields.string(diags, "type").map(|it| it.value).or(kind),
        secret: fields.string(diags, "secret").map(|it| it.value).or(secret),
        read_only: fields.bool(diags, "read_only").unwrap_or(read_only),
        options,
    };
    fields.finish(diags, severity);
    Some(attachment)
}

fn path_of(diags: &mut Diagnostics, fields: &mut Fields<'_>, span: Span) -> Option<String> {
    // A secret may say all there is to say: `path:` with nothing behind it.
    if fields.key("path").is_some() && fields.get("path").is_none() {
        return Some(String::new());
    }
    let Some(path) = fields.string(diags, "path") else {
        if fields.get("path").is_none() {
            let missing = Diagnostic::error("missing-key", "an attached database has no `path`");
            diags.push(missing.at(span, "add `path:` here"));
        }
        return None;
    };
    if is_motherduck(&path.value) {
        diags.push(no_motherduck(path.span));
        return None;
    }
    Some(path.value)
}

fn retries(diags: &mut Diagnostics, fields: &mut Fields<'_>, severity: Severity) -> Option<Retries> {
    let yaml = fields.get("retries")?;
    let mut fields = Fields::new(diags, yaml, "`retries`")?;
    let exceptions = fields.strings(diags, "retryable_exceptions");
    let retries = Retries {
        connect_attempts: whole_number(diags, &mut fields, "connect_attempts").unwrap_or(1),
        query_attempts: whole_number(diags, &mut fields, "query_attempts").unwrap_or(1),
        exceptions: exceptions.map_or_else(
            || vec!["IOException".to_owned()],
            |all| all.into_iter().map(|it| it.value).collect(),
        ),
    };
    fields.finish(diags, severity);
    Some(retries)
}

/// Keys that are valid for dbt-duckdb and change nothing here.
fn say_what_has_no_effect(diags: &mut Diagnostics, fields: &mut Fields<'_>) {
    fields.accept(&["keep_open", "module_paths", "plugins"]);
    if fields.get("filesystems").is_some() {
        diags.push(
            Diagnostic::warning("unsupported-key", "`filesystems` needs Python's fsspec, which is not here")
                .at_opt(fields.key("filesystems").map(|it| it.span), "this key is ignored")
                .help("for S3, Google Cloud, Azure and HTTP use `extensions: [httpfs]` and `secrets:`"),
        );
    }
    if fields.bool(diags, "disable_transactions") == Some(true) {
        diags.push(
            Diagnostic::warning("no-effect", "`disable_transactions` has no effect")
                .at_opt(fields.key("disable_transactions").map(|it| it.span), "set here")
                .note("a model is made, tested and published in one transaction"),
        );
    }
}
