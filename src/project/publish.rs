//! `publish:` of the project file: what readers see change at once.

use crate::diagnostics::{Diagnostic, Diagnostics, Severity, suggest};
use crate::yaml::fields::{Fields, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// What the project says about publishing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publish {
    /// What readers see change at once.
    pub mode: PublishMode,
    /// With runs: how many old versions of the database file are kept.
    pub keep: usize,
    /// With runs: whether the copy of a run that failed is kept.
    pub keep_failed: bool,
}

/// What readers see change at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PublishMode {
    /// One node, when its tests have passed.
    #[default]
    Model,
    /// All that a run makes, when all of it went well.
    Run,
}

/// The words for [`PublishMode`].
pub const PUBLISH_MODES: &[(&str, PublishMode)] = &[("model", PublishMode::Model), ("run", PublishMode::Run)];

/// Reads `publish`: a word, or a mapping of `mode`, `keep` and `keep_failed`.
pub(super) fn read(diags: &mut Diagnostics, fields: &mut Fields<'_>) -> Publish {
    let Some(yaml) = fields.get("publish") else { return Publish::default() };
    let YamlKind::Map(_) = &yaml.kind else {
        return Publish { mode: mode(diags, yaml), ..Publish::default() };
    };
    let Some(mut inner) = Fields::new(diags, yaml, "`publish`") else { return Publish::default() };
    let mode = inner.get("mode").map(|it| mode(diags, it)).unwrap_or_default();
    let keep = inner.get("keep").map_or(0, |it| count(diags, it));
    let keep_failed = inner.bool(diags, "keep_failed").unwrap_or(false);
    inner.finish(diags, Severity::Error);
    Publish { mode, keep, keep_failed }
}

fn mode(diags: &mut Diagnostics, yaml: &Yaml) -> PublishMode {
    let text = yaml.as_str().unwrap_or_default();
    if let Some((_, mode)) = PUBLISH_MODES.iter().find(|it| it.0 == text) {
        return *mode;
    }
    let names = PUBLISH_MODES.iter().map(|it| it.0);
    let help = suggest::did_you_mean(text, names);
    diags.push(wrong_type(yaml, "publish", "`model` or `run`").help(
        help.unwrap_or_else(|| {
            "`run` publishes all of a run at once, `model` each node by itself".to_owned()
        }),
    ));
    PublishMode::default()
}

fn count(diags: &mut Diagnostics, yaml: &Yaml) -> usize {
    if let YamlKind::Int(n) = &yaml.kind
        && let Ok(n) = usize::try_from(*n)
    {
        return n;
    }
    diags.push(
        Diagnostic::error("wrong-type", "`keep` must be a number of versions").at(yaml.span, "set here"),
    );
    0
}
