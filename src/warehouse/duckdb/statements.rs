//! Statements that prepare a database: `attach`, `create secret`, `install`.

use serde_json::Value as Json;

use crate::node::{quote_identifier, quote_literal};
use crate::warehouse::{Attachment, Extension, Secret};

/// Attaches a database, with all options that its kind takes.
pub(super) fn attach(attachment: &Attachment) -> String {
    let alias = attachment.alias.as_deref().map(|it| format!(" as {}", quote_identifier(it)));
    let kind = attachment.kind.as_deref().map(|it| format!("type {}", quote_identifier(it)));
    let secret = attachment.secret.as_deref().map(|it| format!("secret {}", quote_identifier(it)));
    let read_only = attachment.read_only.then(|| "read_only".to_owned());
    let options = attachment.options.iter().filter_map(|(name, value)| attach_option(name, value));
    let parts: Vec<String> = kind.into_iter().chain(secret).chain(read_only).chain(options).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("attach if not exists {}{}{parts}", quote_literal(&attachment.path), alias.unwrap_or_default())
}

/// A flag stands alone, and is left out if it is off. A text may have quotes of its own (dbt-duckdb's rule).
fn attach_option(name: &str, value: &Json) -> Option<String> {
    let name = quote_identifier(&name.to_lowercase());
    match value {
        Json::Null | Json::Bool(false) => None,
        Json::Bool(true) => Some(name),
        Json::String(text) => {
            let text = text.trim();
            let inner = ['\'', '"'].iter().find_map(|it| text.strip_prefix(*it)?.strip_suffix(*it));
            Some(format!("{name} {}", quote_literal(inner.unwrap_or(text))))
        }
        Json::Number(number) => Some(format!("{name} {number}")),
        Json::Array(_) | Json::Object(_) => Some(format!("{name} {}", literal(value))),
    }
}

/// Makes a secret, or makes it anew.
pub(super) fn create_secret(secret: &Secret) -> String {
    let persistent = if secret.is_persistent { "persistent " } else { "" };
    let mut parts = vec![format!("type {}", quote_literal(&secret.kind))];
    parts.extend(secret.provider.as_deref().map(|it| format!("provider {}", quote_literal(it))));
    if !secret.scope.is_empty() {
        let scope = secret.scope.iter().map(|it| quote_literal(it)).collect::<Vec<_>>();
        parts.push(format!("scope [{}]", scope.join(", ")));
    }
    let own = secret.parameters.iter();
    parts.extend(own.map(|(name, value)| format!("{} {}", quote_identifier(name), literal(value))));
    format!("create or replace {persistent}secret {} ({})", quote_identifier(&secret.name), parts.join(", "))
}

/// A value as SQL: texts, lists and mappings.
fn literal(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{}: {}", quote_literal(key), literal(value)));
            format!("map {{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Json::String(text) => quote_literal(text),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

/// Loads an extension that is installed, or that is named by the path of its file.
pub(super) fn load(extension: &Extension) -> String {
    format!("load {}", quote_literal(&extension.name))
}

/// Fetches an extension. A repository is a name (`community`) or an address.
pub(super) fn install(extension: &Extension) -> String {
    let from = extension.repository.as_deref().map_or(String::new(), |it| {
        let is_name = it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        format!(" from {}", if is_name { quote_identifier(it) } else { quote_literal(it) })
    });
    format!("install {}{from}", quote_literal(&extension.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{attach, create_secret, install};
    use crate::warehouse::{Attachment, Extension, Secret};

    #[test]
    fn an_attachment_takes_options_of_its_kind() {
        let attachment = Attachment {
            path: "it's.db".to_owned(),
            alias: Some("side".to_owned()),
            kind: Some("sqlite".to_owned()),
            options: vec![
                ("DATA_PATH".to_owned(), json!("'x/y'")),
                ("override".to_owned(), json!(true)),
                ("off".to_owned(), json!(false)),
                ("size".to_owned(), json!(7)),
            ],
            ..Attachment::default()
        };
        assert_eq!(
            attach(&attachment),
            r#"attach if not exists 'it''s.db' as "side" (type "sqlite", "data_path" 'x/y', "override", "size" 7)"#
        );
    }

    #[test]
    fn a_secret_has_texts_lists_and_mappings() {
        let secret = Secret {
            name: "lake".to_owned(),
            kind: "s3".to_owned(),
            provider: Some("config".to_owned()),
            is_persistent: true,
            scope: vec!["s3://a".to_owned(), "s3://b".to_owned()],
            parameters: vec![
                ("secret".to_owned(), json!("it's")),
                ("extra_http_headers".to_owned(), json!({"A": "b"})),
            ],
        };
        assert_eq!(
            create_secret(&secret),
            "create or replace persistent secret \"lake\" (type 's3', provider 'config', scope ['s3://a', 's3://b'], \
             \"secret\" 'it''s', \"extra_http_headers\" map {'A': 'b'})"
        );
        assert_eq!(format!("{secret:?}"), "Secret { name: \"lake\", kind: \"s3\", .. }");
    }

    #[test]
    fn a_repository_is_a_name_or_an_address() {
        let check = |repository: Option<&str>, expected: &str| {
            let extension = Extension { name: "h3".to_owned(), repository: repository.map(str::to_owned) };
            assert_eq!(install(&extension), expected);
        };
        check(None, "install 'h3'");
        check(Some("community"), "install 'h3' from \"community\"");
        check(Some("https://x.org/y"), "install 'h3' from 'https://x.org/y'");
    }
}
