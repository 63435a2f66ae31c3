//! `selectors.yml`: selectors with names.
//!
//! In: the file's tree. Out: for each selector its definition, in which inherited ones are put in place.

use serde_json::{Value as Json, json};

use crate::diagnostics::{Diagnostic, Diagnostics, Severity, Span, Spanned, suggest};
use crate::yaml::fields::{Fields, scalar_text, wrong_type};
use crate::yaml::{Yaml, YamlKind};

/// The file, beside the project file.
pub const SELECTORS_FILE: &str = "selectors.yml";

/// A selector with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedSelector {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it holds where the command line selects nothing.
    pub is_default: bool,
    /// What it selects.
    pub definition: Definition,
    /// The definition as the manifest shows it.
    pub shown: Json,
}

/// What a selector selects.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// One part as on the command line, and which tests come with it.
    Criterion {
        /// `+tag:nightly`.
        text: String,
        /// `eager`, `cautious`, `buildable` or `empty`.
        indirect: Option<String>,
    },
    /// What any of these selects.
    Union(Vec<Definition>),
    /// What all of these select.
    Intersection(Vec<Definition>),
    /// What the first selects and the second does not.
    Difference(Box<Definition>, Box<Definition>),
}

/// Reads the file's tree.
pub(super) fn read(diags: &mut Diagnostics, yaml: &Yaml, unknown: Severity) -> Vec<NamedSelector> {
    let Some(mut fields) = Fields::new(diags, yaml, "selectors.yml") else { return Vec::new() };
    let entries = fields.list(diags, "selectors");
    fields.accept(&["version"]);
    fields.finish(diags, unknown);
    let mut reader = Reader { diags, unknown, known: Vec::new() };
    let mut default: Option<Span> = None;
    for entry in entries {
        let Some(selector) = reader.selector(entry) else { continue };
        if selector.is_default {
            if let Some(first) = default {
                reader.diags.push(
                    Diagnostic::error("duplicate-default", "two selectors are the default")
                        .at(entry.span, format!("`{}` as well", selector.name))
                        .and_at(first, "the first one"),
                );
            }
            default = default.or(Some(entry.span));
        }
        reader.known.push(selector);
    }
    reader.known
}

struct Reader<'a> {
    diags: &'a mut Diagnostics,
    unknown: Severity,
    /// Those before in the file, which later ones may inherit.
    known: Vec<NamedSelector>,
}

impl Reader<'_> {
    fn selector(&mut self, yaml: &Yaml) -> Option<NamedSelector> {
        let mut fields = Fields::new(self.diags, yaml, "a selector")?;
        let name = fields.string(self.diags, "name");
        let definition = fields.get("definition");
        let description = fields.string(self.diags, "description").map(|it| it.value);
        let is_default = match fields.get("default") {
            // A template gives a text.
            Some(value) => scalar_text(value).is_some_and(|it| it.eq_ignore_ascii_case("true")),
            None => false,
        };
        for (key, is_there) in [("name", name.is_some()), ("definition", definition.is_some())] {
            if !is_there {
                self.diags.push(
                    Diagnostic::error("missing-key", format!("a selector has no `{key}`"))
                        .at(yaml.span, "in this entry"),
                );
            }
        }
        fields.finish(self.diags, self.unknown);
        let (name, written) = (name?, definition?);
        if let Some(first) = self.known.iter().find(|it| it.name == name.value) {
            let message = format!("there are two selectors `{}`", first.name);
            self.diags.push(Diagnostic::error("duplicate-name", message).at(name.span, "again here"));
        }
        let entries = written.as_map().unwrap_or_default();
        let is_set = |key: &str| ["union", "intersection"].contains(&key);
        if entries.len() > 1 && entries.iter().any(|(key, _)| is_set(&key.value)) {
            self.diags.push(
                Diagnostic::error(
                    "invalid-selector",
                    format!("the definition of `{}` has more than one key", name.value),
                )
                .at(written.span, "write `union` or `intersection` alone"),
            );
            return None;
        }
        let definition = self.definition(written)?;
        let shown = shown(&definition);
        Some(NamedSelector { name: name.value, description, is_default, definition, shown })
    }

    fn definition(&mut self, yaml: &Yaml) -> Option<Definition> {
        match &yaml.kind {
            YamlKind::String(text) => Some(parts(text)),
            YamlKind::Map(entries) => match entries.as_slice() {
                [(key, value)] if key.value == "union" => self.set(value, Definition::Union),
                [(key, value)] if key.value == "intersection" => self.set(value, Definition::Intersection),
                [(key, value)] if key.value != "method" => Some(Definition::Criterion {
                    text: format!("{}:{}", key.value, self.text(value)?),
                    indirect: None,
                }),
                _ => self.method(yaml),
            },
            _ => {
                self.diags.push(wrong_type(yaml, "definition", "a text or a mapping"));
                None
            }
        }
    }

    fn text(&mut self, yaml: &Yaml) -> Option<String> {
        let text = scalar_text(yaml);
        if text.is_none() {
            self.diags.push(wrong_type(yaml, "value", "a text"));
        }
        text
    }

    /// The parts of a union or an intersection, less those under `exclude`.
    fn set(&mut self, yaml: &Yaml, make: fn(Vec<Definition>) -> Definition) -> Option<Definition> {
        let YamlKind::List(items) = &yaml.kind else {
            self.diags.push(wrong_type(yaml, "union", "a list").help("write each part after `- `"));
            return None;
        };
        let (mut parts, mut excluded) = (Vec::new(), None);
        for item in items {
            match item.get("exclude").filter(|_| item.get("method").is_none()) {
                Some(second) if excluded.is_some() => self.diags.push(
                    Diagnostic::error("invalid-selector", "a list of parts has one `exclude`")
                        .at(second.span, "a second one"),
                ),
                Some(list) => excluded = self.exclusions(list),
                None => parts.extend(self.definition(item)),
            }
        }
        let whole = make(parts);
        Some(match excluded {
            Some(minus) => Definition::Difference(Box::new(whole), Box::new(minus)),
            None => whole,
        })
    }

    fn exclusions(&mut self, yaml: &Yaml) -> Option<Definition> {
        self.set(yaml, Definition::Union)
    }

    /// `{method: tag, value: nightly, parents: true, children_depth: 2, exclude: [...]}`.
    fn method(&mut self, yaml: &Yaml) -> Option<Definition> {
        let mut fields = Fields::new(self.diags, yaml, "a part of a selector")?;
        let method = fields.string(self.diags, "method");
        let value = fields.string(self.diags, "value");
        let mut flag = |key| fields.bool(self.diags, key).unwrap_or(false);
        let (parents, children) = (flag("parents"), flag("children"));
        let childrens_parents = flag("childrens_parents");
        let mut depth = |key| fields.string(self.diags, key).map_or(String::new(), |it| it.value);
        let (parents_depth, children_depth) = (depth("parents_depth"), depth("children_depth"));
        let indirect = fields.string(self.diags, "indirect_selection");
        let exclude = fields.get("exclude");
        fields.finish(self.diags, self.unknown);
        let (Some(method), Some(value)) = (method, value) else {
            self.diags.push(
                Diagnostic::error("invalid-selector", "a part of a selector has a `method` and a `value`")
                    .at(yaml.span, "one of them is missing")
                    .help("write `{method: tag, value: nightly}`, or `tag: nightly`"),
            );
            return None;
        };
        self.check_indirect(indirect.as_ref());
        let base = if method.value == "selector" {
            self.inherited(&value)?
        } else {
            let at = if childrens_parents { "@" } else { "" };
            let before = if parents { format!("{parents_depth}+") } else { String::new() };
            let after = if children { format!("+{children_depth}") } else { String::new() };
            let text = format!("{at}{before}{}:{}{after}", method.value, value.value);
            Definition::Criterion { text, indirect: indirect.map(|it| it.value) }
        };
        Some(match exclude.and_then(|it| self.exclusions(it)) {
            Some(minus) => Definition::Difference(Box::new(base), Box::new(minus)),
            None => base,
        })
    }

    fn check_indirect(&mut self, word: Option<&Spanned<String>>) {
        const WORDS: [&str; 4] = ["eager", "cautious", "buildable", "empty"];
        if let Some(word) = word.filter(|it| !WORDS.contains(&it.value.as_str())) {
            self.diags.push(
                Diagnostic::error("invalid-value", format!("`{}` is not allowed here", word.value))
                    .at(word.span, format!("write one of {}", WORDS.join(", "))),
            );
        }
    }

    fn inherited(&mut self, name: &Spanned<String>) -> Option<Definition> {
        if let Some(found) = self.known.iter().find(|it| it.name == name.value) {
            return Some(found.definition.clone());
        }
        let known = self.known.iter().map(|it| it.name.as_str());
        self.diags.push(
            Diagnostic::error(
                "unknown-selector",
                format!("there is no selector `{}` before this one", name.value),
            )
            .at(name.span, "inherited here")
            .help_opt(suggest::did_you_mean(&name.value, known)),
        );
        None
    }
}

/// A text as on the command line: spaces are unions, commas intersections.
fn parts(text: &str) -> Definition {
    let criterion = |it: &str| Definition::Criterion { text: it.to_owned(), indirect: None };
    let any: Vec<Definition> = text
        .split_whitespace()
        .map(|part| {
            let mut all: Vec<Definition> =
                part.split(',').filter(|it| !it.is_empty()).map(criterion).collect();
            if all.len() == 1 { all.remove(0) } else { Definition::Intersection(all) }
        })
        .collect();
    match any.len() {
        1 => any.into_iter().next().unwrap_or_else(|| Definition::Union(Vec::new())),
        _ => Definition::Union(any),
    }
}

fn shown(definition: &Definition) -> Json {
    match definition {
        Definition::Criterion { text, indirect } => {
            let (method, value) = text.split_once(':').unwrap_or(("fqn", text));
            match indirect {
                Some(indirect) => json!({ "method": method, "value": value, "indirect_selection": indirect }),
                None => json!({ "method": method, "value": value }),
            }
        }
        Definition::Union(all) => json!({ "union": all.iter().map(shown).collect::<Json>() }),
        Definition::Intersection(all) => json!({ "intersection": all.iter().map(shown).collect::<Json>() }),
        Definition::Difference(from, minus) => {
            let mut list = match from.as_ref() {
                Definition::Union(all) => all.iter().map(shown).collect(),
                other => vec![shown(other)],
            };
            let minus = match minus.as_ref() {
                Definition::Union(all) => all.iter().map(shown).collect::<Json>(),
                other => json!([shown(other)]),
            };
            list.push(json!({ "exclude": minus }));
            json!({ "union": list })
        }
    }
}
