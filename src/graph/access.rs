//! Who may refer to what: `access` of models, and the groups that nodes say they are in.

use std::collections::BTreeSet;

use super::lookup::Lookup;
use crate::diagnostics::{Diagnostic, Diagnostics, Span, Spanned, suggest};
use crate::node::NodeKind;
use crate::parse::model_details::Access;
use crate::parse::{Body, DataTest, Group, Owner, ParsedNode, TestKind};

/// What a check of access looks things up in.
pub(super) struct Rules<'a> {
    /// Packages whose protected models are for themselves alone.
    pub(super) restricted: &'a BTreeSet<String>,
    pub(super) nodes: &'a [ParsedNode],
    pub(super) lookup: &'a Lookup<'a>,
}

/// The group of a node; of a generic test, that of the node it is declared on.
fn group_of<'a>(rules: &'a Rules<'_>, node: &'a ParsedNode) -> Option<&'a str> {
    let owner = match &node.body {
        Body::Test(DataTest { kind: TestKind::Generic(test), .. }) => match &test.owner {
            Owner::Ref(call) => rules.lookup.reference(call, &node.package).node(),
            Owner::Source(_) => None,
        },
        // A unit test speaks for its model.
        Body::UnitTest(test) => {
            let model = test.of_model();
            model.and_then(|it| rules.lookup.reference(&it.tested, &node.package).node())
        }
        _ => None,
    };
    node.group().or_else(|| owner.and_then(|id| rules.nodes[id.index()].group()))
}

/// Reports a reference to a model that is not for the node.
pub(super) fn check(
    diags: &mut Diagnostics,
    rules: &Rules<'_>,
    node: &ParsedNode,
    target: &ParsedNode,
    span: Span,
) {
    let Body::Model { details, .. } = &target.body else { return };
    let is_foreign = node.package != target.package && rules.restricted.contains(&target.package);
    let own = group_of(rules, node);
    match details.access {
        Access::Private if own.is_none() || own != target.group() || is_foreign => {
            diags.push(private(node, own, target, span));
        }
        Access::Protected if is_foreign => diags.push(protected(node, target, span)),
        Access::Private | Access::Protected | Access::Public => {}
    }
}

fn declared(target: &ParsedNode) -> Span {
    target.config.values.get("access").map_or(target.span, |it| it.span)
}

fn private(node: &ParsedNode, own: Option<&str>, target: &ParsedNode, span: Span) -> Diagnostic {
    let (kind, name) = (node.kind, &node.name);
    let group = target.group();
    let whose = group.map_or_else(|| "no group".to_owned(), |it| format!("the group `{it}`"));
    let label = match own {
        Some(own) => format!("this {kind} is in the group `{own}`"),
        None => format!("this {kind} is in no group"),
    };
    let help = match group {
        Some(group) => {
            format!("set `group: {group}` for `{name}`, or `access: protected` for `{}`", target.name)
        }
        None => format!("put both into a group, or set `access: protected` for `{}`", target.name),
    };
    Diagnostic::error(
        "private-ref",
        format!("{kind} `{name}` refers to `{}`, which is private to {whose}", target.name),
    )
    .at(span, label)
    .and_at(declared(target), "private here")
    .help(help)
}

fn protected(node: &ParsedNode, target: &ParsedNode, span: Span) -> Diagnostic {
    let package = &target.package;
    Diagnostic::error(
        "protected-ref",
        format!(
            "{} `{}` refers to `{}`, which is protected: only the package `{package}` may read it",
            node.kind, node.name, target.name
        ),
    )
    .at(span, format!("in the package `{}`", node.package))
    .and_at(declared(target), "this model")
    .note(format!("`{package}` has `restrict-access: true` in its project file"))
    .help("read a model of that package that is `access: public`")
}

/// Groups that nodes name and that do not exist.
pub(super) fn check_groups(diags: &mut Diagnostics, groups: &[Group], nodes: &[ParsedNode]) {
    let known: BTreeSet<&str> = groups.iter().map(|it| it.name.value.as_str()).collect();
    for node in nodes.iter().filter(|it| it.kind != NodeKind::Source) {
        let Some(written) = node.config.values.get("group").filter(|it| it.value.is_string()) else {
            continue;
        };
        let name = Spanned::new(written.value.as_str().unwrap_or_default(), written.span);
        if known.contains(name.value) {
            continue;
        }
        let help = suggest::did_you_mean(name.value, known.iter().copied()).unwrap_or_else(|| {
            format!("add it: `groups: [{{name: {}, owner: {{name: ...}}}}]` in a properties file", name.value)
        });
        diags.push(
            Diagnostic::error(
                "unknown-group",
                format!(
                    "{} `{}` is in the group `{}`, which is not declared",
                    node.kind, node.name, name.value
                ),
            )
            .at(name.span, "no such group")
            .help(help),
        );
    }
}
