//! Sources that are read in place: `external_location` with its placeholders, as dbt-duckdb fills them.

use serde_json::{Map, Value as Json};

use super::node_config::NodeConfig;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, suggest};
use crate::node::{Relation, quote_literal};

/// The table's own names, which placeholders stand for.
pub(super) struct Names<'a> {
    pub(super) name: &'a str,
    pub(super) identifier: &'a str,
    pub(super) schema: &'a str,
    pub(super) database: &'a str,
    pub(super) tags: &'a [String],
}

/// The relation of a source that is read in place; `None` for a table.
pub(super) fn read(
    diags: &mut Diagnostics,
    config: &NodeConfig,
    names: &Names<'_>,
    declared: Span,
) -> Option<Relation> {
    let get = |key: &str| {
        let of_config = config.values.get(key).map(|it| (it.value.clone(), it.span));
        of_config.or_else(|| Some((config.meta.get(key)?.clone(), declared))).filter(|it| !it.0.is_null())
    };
    if let Some((plugin, span)) = get("plugin") {
        diags.push(no_plugins(plugin.as_str().unwrap_or_default(), names.name, span));
    }
    let (location, span) = get("external_location")?;
    let location = location.as_str()?;
    let formatter = get("formatter").and_then(|it| it.0.as_str().map(str::to_owned));
    let values = values(config, names);
    let filled = match formatter.as_deref().unwrap_or("newstyle") {
        "newstyle" => braces(location, &values),
        "oldstyle" => percents(location, &values),
        "template" => dollars(location, &values),
        other => Err(format!("the formatter `{other}` is none of newstyle, oldstyle, template")),
    };
    match filled {
        Ok(text) => {
            let is_sql = text.contains('(') || text.starts_with('\'');
            Some(Relation::verbatim(if is_sql { text } else { quote_literal(&text) }))
        }
        Err(problem) => {
            let known = values.keys().map(String::as_str);
            let help = problem.split('`').nth(1).and_then(|it| suggest::did_you_mean(it, known));
            let fault = Diagnostic::error("invalid-location", format!("`external_location`: {problem}"));
            diags.push(fault.at(span, "").help_opt(help));
            Some(Relation::verbatim(quote_literal(location)))
        }
    }
}

fn no_plugins(plugin: &str, source: &str, span: Span) -> Diagnostic {
    let help = match plugin {
        "excel" => {
            "read the file with DuckDB: `external_location: \"read_xlsx('x.xlsx')\"` and `extensions: [excel]`"
        }
        "postgres" | "sqlalchemy" | "mysql" => {
            "attach the database: `attach:` of the target, and `database:` of the source"
        }
        "delta" => {
            "read it with DuckDB: `external_location: \"delta_scan('...')\"` and `extensions: [delta]`"
        }
        "iceberg" => {
            "read it with DuckDB: `external_location: \"iceberg_scan('...')\"` and `extensions: [iceberg]`"
        }
        _ => "let DuckDB read it: with `external_location`, or from an attached database",
    };
    Diagnostic::error(
        "unsupported-plugin",
        format!("the source table `{source}` needs the plugin `{plugin}`"),
    )
    .at(span, "plugins of dbt-duckdb are Python, which is not here")
    .help(help)
}

/// Config that is not of dbt-duckdb.
const NOT_EXTRA: [&str; 6] = ["enabled", "tags", "meta", "quoting", "freshness", "event_time"];

/// What placeholders may name: the table's own names, then everything in its config and `meta`.
fn values(config: &NodeConfig, names: &Names<'_>) -> Map<String, Json> {
    let mut values = Map::new();
    for (key, value) in [
        ("name", names.name),
        ("identifier", names.identifier),
        ("schema", names.schema),
        ("database", names.database),
    ] {
        values.insert(key.to_owned(), Json::from(value));
    }
    values.insert("tags".to_owned(), Json::from(names.tags));
    values.extend(config.meta.as_object().into_iter().flatten().map(|it| (it.0.clone(), it.1.clone())));
    let own = config.values.iter().filter(|it| !NOT_EXTRA.contains(&it.0.as_str()));
    values.extend(own.map(|(key, value)| (key.clone(), value.value.clone())));
    values
}

fn value(values: &Map<String, Json>, name: &str) -> Result<String, String> {
    match values.get(name) {
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("nothing is called `{name}` here")),
    }
}

/// `{name}`; two braces stand for one.
fn braces(text: &str, values: &Map<String, Json>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let brace = &found[..1];
        if found[1..].starts_with(brace) {
            out.push_str(brace);
            rest = &found[2..];
            continue;
        }
        let end = found.find('}').filter(|_| brace == "{");
        let Some(end) = end else { return Err(format!("a `{brace}` stands alone: write it twice")) };
        out.push_str(&value(values, found[1..end].trim())?);
        rest = &found[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// `%(name)s`; two percent signs stand for one.
fn percents(text: &str, values: &Map<String, Json>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('%') {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = found.strip_prefix("%%") {
            out.push('%');
            rest = after;
            continue;
        }
        let inner = found.strip_prefix("%(").and_then(|it| it.split_once(")s"));
        let Some((name, after)) = inner else { return Err("a `%` stands alone: write it twice".to_owned()) };
        out.push_str(&value(values, name)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// `$name` or `${name}`; two dollars stand for one.
fn dollars(text: &str, values: &Map<String, Json>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = found.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        if let Some((name, after)) = found.strip_prefix("${").and_then(|it| it.split_once('}')) {
            out.push_str(&value(values, name)?);
            rest = after;
            continue;
        }
        let word = &found[1..];
        let end = word.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(word.len());
        if end == 0 {
            return Err("a `$` stands alone: write it twice".to_owned());
        }
        out.push_str(&value(values, &word[..end])?);
        rest = &word[end..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{braces, dollars, percents};

    #[test]
    fn placeholders_are_filled_in_three_ways() {
        let values = json!({"name": "orders", "year": 2024});
        let values = values.as_object().expect("a mapping");
        let ok = |it: Result<String, String>| it.expect("filled");
        assert_eq!(ok(braces("a/{name}_{year}.{{x}}", values)), "a/orders_2024.{x}");
        assert_eq!(ok(percents("a/%(name)s_%(year)s.100%%", values)), "a/orders_2024.100%");
        assert_eq!(ok(dollars("a/$name/${year}x.$$", values)), "a/orders/2024x.$");
        assert_eq!(braces("{nam}", values), Err("nothing is called `nam` here".to_owned()));
        assert_eq!(braces("a{", values), Err("a `{` stands alone: write it twice".to_owned()));
    }
}
