//! What the outside said before any file was read: variables, environment, and texts rendered with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::diagnostics::{Diagnostics, Span, Spanned, scrub, suggest};
use crate::node::Relation;
use crate::template::{
    Context, Globals, Host, HostError, Mode, RefCall, SourceCall, TemplateSource, TemplateValue, Templates,
    has_template_syntax,
};
use crate::yaml::{Yaml, YamlKind};

/// Variables and environment, and a renderer for texts in YAML.
#[derive(Clone)]
pub struct Settings {
    /// Variables: the command line's over the project's.
    pub vars: Arc<BTreeMap<String, Json>>,
    /// The process's environment.
    pub env: Arc<BTreeMap<String, String>>,
    /// What templates know about the run.
    pub globals: Arc<Globals>,
    templates: Arc<Templates>,
}

impl Settings {
    /// Settings before the project is known: the command line's variables and the environment.
    pub fn new(vars: BTreeMap<String, Json>, env: BTreeMap<String, String>, globals: Globals) -> Self {
        let templates = Templates::new(&mut Diagnostics::default(), "", &[]);
        Self {
            vars: Arc::new(vars),
            env: Arc::new(env),
            globals: Arc::new(globals),
            templates: Arc::new(templates),
        }
    }

    /// The same with variables of project files, weakest first, below the command line's. Under a package's
    /// name a project file holds variables for that package alone, which win over its others.
    #[must_use]
    pub fn with_vars(&self, package: &str, files: &[&[(String, Json)]]) -> Self {
        let mut all = BTreeMap::new();
        for vars in files {
            let own = vars.iter().find(|(name, value)| name == package && value.is_object());
            let shared = vars.iter().filter(|it| Some(*it) != own);
            all.extend(shared.map(|(name, value)| (name.clone(), value.clone())));
            if let Some((_, Json::Object(own))) = own {
                all.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        all.extend(self.vars.iter().map(|(name, value)| (name.clone(), value.clone())));
        Self { vars: Arc::new(all), ..self.clone() }
    }

    /// The same with what templates know about the run replaced.
    #[must_use]
    pub fn with_globals(&self, globals: Globals) -> Self {
        Self { globals: Arc::new(globals), ..self.clone() }
    }

    /// The same with these variables and environment variables over all others.
    #[must_use]
    pub fn overridden(&self, vars: &Map<String, Json>, env: &Map<String, Json>) -> Self {
        let mut all = self.clone();
        if !vars.is_empty() {
            let entries = vars.iter().map(|(name, value)| (name.clone(), value.clone()));
            Arc::make_mut(&mut all.vars).extend(entries);
        }
        if !env.is_empty() {
            let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let entries = env.iter().map(|(name, value)| (name.clone(), text(value)));
            Arc::make_mut(&mut all.env).extend(entries);
        }
        all
    }

    /// Values of environment variables that must not be shown.
    pub fn secrets(&self) -> Vec<String> {
        scrub::secrets_of(&self.env)
    }

    /// A variable, or the default, or why not.
    pub fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError> {
        if let Some(value) = self.vars.get(name) {
            return Ok(value.clone());
        }
        default.ok_or_else(|| HostError {
            code: "unknown-var",
            message: format!("the variable `{name}` is not set and has no default"),
            help: Some(suggest::did_you_mean(name, self.vars.keys().map(String::as_str)).unwrap_or_else(|| {
                format!("set it under `vars:` in the project file, with `--vars '{{{name}: ...}}'`, or give a default: `var('{name}', ...)`")
            })),
        })
    }

    /// An environment variable, or the default, or why not.
    pub fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError> {
        if let Some(value) = self.env.get(name) {
            return Ok(value.clone());
        }
        default.ok_or_else(|| HostError {
            code: "unknown-env-var",
            message: format!("the environment variable `{name}` is not set and has no default"),
            help: Some(format!("set it, or give a default: `env_var('{name}', '...')`")),
        })
    }

    /// A tree with every text that is a template replaced by its value; entries under `except` stay.
    pub fn render_tree(&self, diags: &mut Diagnostics, yaml: &Yaml, except: &[&str]) -> Yaml {
        let context = self.context();
        self.render_node(diags, yaml, except, &context)
    }

    /// A plain value with every text that is a template replaced by its value; faults are at `span`.
    pub fn render_json(&self, diags: &mut Diagnostics, value: &Json, span: Span) -> Json {
        match value {
            Json::String(text) if !has_template_syntax(text) => value.clone(),
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
            other => self.render_tree(diags, &from_json(other, span), &[]).to_json(),
        }
    }

    fn context(&self) -> Context {
        Context {
            mode: Mode::Execute,
            globals: Arc::clone(&self.globals),
            host: Arc::new(SettingsHost(self.clone())),
            this: None,
            model: None,
            locals: Vec::new(),
        }
    }

    fn render_node(&self, diags: &mut Diagnostics, yaml: &Yaml, except: &[&str], context: &Context) -> Yaml {
        let kind = match &yaml.kind {
            YamlKind::String(text) if has_template_syntax(text) => {
                return self.render_text(diags, text, yaml.span, context);
            }
            YamlKind::List(items) => {
                YamlKind::List(items.iter().map(|it| self.render_node(diags, it, except, context)).collect())
            }
            YamlKind::Map(entries) => YamlKind::Map(
                entries
                    .iter()
                    .map(|(key, value)| {
                        let kept = except.contains(&key.value.as_str());
                        let value = if kept {
                            value.clone()
                        } else {
                            self.render_node(diags, value, except, context)
                        };
                        (key.clone(), value)
                    })
                    .collect(),
            ),
            YamlKind::Null
            | YamlKind::Bool(_)
            | YamlKind::Int(_)
            | YamlKind::Float(_)
            | YamlKind::String(_) => yaml.kind.clone(),
        };
        Yaml { kind, span: yaml.span }
    }

    fn render_text(&self, diags: &mut Diagnostics, text: &str, span: Span, context: &Context) -> Yaml {
        let source = TemplateSource {
            package: String::new(),
            file: span.file,
            text: Arc::from(text),
            offset: span.start as usize,
        };
        match self.templates.render_value(&source, context) {
            Ok(TemplateValue::Json(value)) => from_json(&value, span),
            Ok(TemplateValue::Relation(relation)) => {
                Yaml { kind: YamlKind::String(relation.written()), span }
            }
            Err(mut error) => {
                // A quoted or folded YAML text has other offsets than its value: the value's place is exact enough.
                error.span = Some(span);
                diags.push(error.into_diagnostic());
                Yaml { kind: YamlKind::String(text.to_owned()), span }
            }
        }
    }
}

/// Why a secret is not given to SQL: it would end up in compiled files, views and logs (dbt's rule).
pub fn refuse_secret(name: &str) -> Result<(), HostError> {
    if !name.starts_with("DBT_ENV_SECRET") {
        return Ok(());
    }
    Err(HostError {
        code: "secret-in-sql",
        message: format!("the secret `{name}` cannot be used in SQL"),
        help: Some("secrets are for connections: use it in profiles.yml or under `targets:`".to_owned()),
    })
}

/// A plain value as a tree whose every part has the same place.
pub(crate) fn from_json(value: &Json, span: Span) -> Yaml {
    let kind = match value {
        Json::Null => YamlKind::Null,
        Json::Bool(it) => YamlKind::Bool(*it),
        Json::Number(it) => {
            it.as_i64().map_or_else(|| YamlKind::Float(it.as_f64().unwrap_or_default()), YamlKind::Int)
        }
        Json::String(it) => YamlKind::String(it.clone()),
        Json::Array(items) => YamlKind::List(items.iter().map(|it| from_json(it, span)).collect()),
        Json::Object(entries) => YamlKind::Map(
            entries
                .iter()
                .map(|(key, value)| (Spanned::new(key.clone(), span), from_json(value, span)))
                .collect(),
        ),
    };
    Yaml { kind, span }
}

/// Templates in YAML know variables and the environment, nothing else.
struct SettingsHost(Settings);

fn not_here(what: &str) -> HostError {
    HostError {
        code: "template-call",
        message: format!("`{what}()` cannot be used in YAML"),
        help: Some("only `var`, `env_var` and `target` are known there".to_owned()),
    }
}

impl Host for SettingsHost {
    fn reference(&self, _: &RefCall) -> Result<Relation, HostError> {
        Err(not_here("ref"))
    }

    fn source(&self, _: &SourceCall) -> Result<Relation, HostError> {
        Err(not_here("source"))
    }

    fn var(&self, name: &str, default: Option<Json>) -> Result<Json, HostError> {
        self.0.var(name, default)
    }

    fn has_var(&self, name: &str) -> bool {
        self.0.vars.contains_key(name)
    }

    fn env_var(&self, name: &str, default: Option<String>) -> Result<String, HostError> {
        self.0.env_var(name, default)
    }

    fn doc(&self, _: Option<&str>, _: &str) -> Result<String, HostError> {
        Err(not_here("doc"))
    }

    fn config_get(&self, _: &str) -> Option<Json> {
        None
    }

    fn is_incremental(&self) -> bool {
        false
    }

    fn log(&self, _: &str, _: bool) {}

    fn warn(&self, _: &str) {}
}
