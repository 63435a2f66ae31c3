//! Names of relations by the project's own macros: `generate_schema_name` and its kin.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Named, Parser};
use crate::diagnostics::Diagnostics;
use crate::template::{Context, Mode, TemplateSource, TemplateValue};

/// The name that a macro of the project gives, if there is such a macro. The built-in macros of these names
/// say what happens anyway, so they are not asked.
pub(super) fn by_macro(
    parser: &Parser<'_>,
    diags: &mut Diagnostics,
    which: &str,
    custom: Option<&str>,
    named: &Named<'_>,
) -> Option<String> {
    let Named { kind, name, config, span } = *named;
    let root = parser.project.config.name.value.as_str();
    let is_own = |name: &str| parser.templates.find_macro(root, name).is_some_and(|it| it.package == root);
    if !["", "default__", "duckdb__"].iter().any(|prefix| is_own(&format!("{prefix}{which}"))) {
        return None;
    }
    let values: serde_json::Map<String, Json> =
        config.values.iter().map(|(key, it)| (key.clone(), it.value.clone())).collect();
    let node = json!({
        "name": name,
        "alias": config.alias,
        "package_name": parser.package,
        "resource_type": kind.as_str(),
        "config": values,
        "tags": config.tags,
        "meta": config.meta,
    });
    let custom = custom.map_or(Json::Null, Json::from);
    let context = Context {
        mode: Mode::Execute,
        locals: vec![
            ("tidemill_custom_name".to_owned(), TemplateValue::Json(custom)),
            ("tidemill_node".to_owned(), TemplateValue::Json(node)),
        ],
        ..parser.context.clone()
    };
    let source = TemplateSource {
        package: root.to_owned(),
        file: span.file,
        text: Arc::from(format!("{{{{ {which}(tidemill_custom_name, tidemill_node) }}}}")),
        offset: span.start as usize,
    };
    match parser.templates.render(&source, &context) {
        Ok(rendered) => Some(rendered.text.trim().to_owned()),
        Err(mut error) => {
            // The call stands in no file: only the macro's own lines are a place.
            error.trace.retain(|(place, _)| place.file != span.file);
            diags.push(error.into_diagnostic());
            None
        }
    }
}
