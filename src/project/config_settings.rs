//! Settings of the project file that change no node: `query-comment`, `flags`, `quoting` and their like.

use serde_json::Value as Json;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Spanned, suggest};
use crate::node::Quoting;
use crate::yaml::fields::{Fields, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// What is to stand beside every statement. DuckDB keeps no log of statements, so nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryComment {
    /// The text, a template; empty for none.
    pub comment: Spanned<String>,
    /// Whether it stands after the statement.
    pub append: bool,
    /// Whether it becomes labels of a job, where there are any.
    pub job_label: bool,
}

/// Flags that dbt takes from a project file.
const FLAGS: &[&str] = &[
    "cache_selected_only",
    "debug",
    "fail_fast",
    "full_refresh",
    "indirect_selection",
    "latest_version_pointer_enabled_by_default",
    "log_format",
    "log_format_file",
    "log_level",
    "log_level_file",
    "partial_parse",
    "populate_cache",
    "printer_width",
    "quiet",
    "send_anonymous_usage_stats",
    "static_parser",
    "use_colors",
    "use_colors_file",
    "use_experimental_parser",
    "version_check",
    "warn_error",
    "warn_error_options",
    "write_json",
    "require_all_warnings_handled_by_warn_error",
    "require_batched_execution_for_custom_microbatch_strategy",
    "require_event_names_in_deprecations",
    "require_explicit_package_overrides_for_builtin_materializations",
    "require_generic_test_arguments_property",
    "require_nested_cumulative_type_params",
    "require_ref_searches_node_package_before_root",
    "require_resource_names_without_spaces",
    "require_unique_project_resource_names",
    "require_yaml_configuration_for_mf_time_spines",
    "skip_nodes_if_on_run_start_fails",
    "source_freshness_run_project_hooks",
    "state_modified_compare_more_unrendered_values",
    "state_modified_compare_vars",
    "validate_macro_args",
];

/// Reads `query-comment`: a text, nothing, or a mapping.
pub(super) fn query_comment(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Option<QueryComment> {
    let yaml = fields.get("query-comment")?;
    match &yaml.kind {
        YamlKind::String(text) => Some(QueryComment {
            comment: Spanned::new(text.clone(), yaml.span),
            append: false,
            job_label: false,
        }),
        YamlKind::Map(_) => {
            let mut inner = Fields::new(diags, yaml, "`query-comment`")?;
            let comment = inner.string(diags, "comment");
            let append = inner.bool(diags, "append").unwrap_or(false);
            let job_label = inner.bool(diags, "job-label").unwrap_or(false);
            inner.finish(diags, Severity::Warning);
            let comment = comment.unwrap_or_else(|| Spanned::new(String::new(), yaml.span));
            Some(QueryComment { comment, append, job_label })
        }
        _ => {
            diags.push(wrong_type(yaml, "query-comment", "a text or a mapping with `comment`"));
            None
        }
    }
}

/// Reads `flags`, and warns of those that do not exist.
pub(super) fn flags(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Vec<(Spanned<String>, Json)> {
    let Some(yaml) = fields.get("flags") else { return Vec::new() };
    let Some(entries) = yaml.as_map() else {
        diags.push(wrong_type(yaml, "flags", "a mapping of flags to values"));
        return Vec::new();
    };
    for (name, _) in entries.iter().filter(|(name, _)| !FLAGS.contains(&name.value.to_lowercase().as_str())) {
        diags.push(
            Diagnostic::warning("unknown-flag", format!("there is no flag `{}`", name.value))
                .at(name.span, "nothing reads this flag")
                .help_opt(suggest::did_you_mean(&name.value, FLAGS.iter().copied())),
        );
    }
    entries
        .iter()
        .map(|(name, value)| (Spanned::new(name.value.to_lowercase(), name.span), value.to_json()))
        .collect()
}

/// Reads which parts of relations' names are written in quotes: all that are not said to be plain.
pub(super) fn quoting(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Quoting {
    let yaml = fields.get("quoting");
    let Some(mut said) = yaml.and_then(|it| Fields::new(diags, it, "`quoting`")) else {
        return Quoting::ALL;
    };
    let mut part = |key| said.bool(diags, key).unwrap_or(true);
    let quoting = Quoting {
        database: part("database") && part("project"),
        schema: part("schema"),
        identifier: part("identifier"),
    };
    // Those of other engines, and of columns in sources.
    for key in ["snowflake_ignore_case", "column"] {
        said.bool(diags, key);
    }
    said.finish(diags, Severity::Warning);
    quoting
}

/// Reads what is checked but needs no answer: there is no cloud.
pub(super) fn check(diags: &mut Diagnostics, fields: &mut Fields<'_>) {
    if let Some(version) = fields.string(diags, "config-version")
        && version.value != "2"
    {
        diags.push(
            Diagnostic::error("invalid-value", format!("`config-version` cannot be {}", version.value))
                .at(version.span, "write `2`, or leave it out"),
        );
    }
    let is_mapping = |it: &&Yaml| it.as_map().is_some();
    if let Some(yaml) = fields.get("dbt-cloud").filter(|it| !is_mapping(it)) {
        diags.push(wrong_type(yaml, "dbt-cloud", "a mapping"));
    }
}
