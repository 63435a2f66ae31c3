//! `lint`: what works today and hurts tomorrow.

use std::collections::BTreeSet;

use crate::cli::Exit;
use crate::cli::args::command::LintArgs;
use crate::cli::commands::run::{faults, report_log};
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::compile;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, suggest};
use crate::graph::{Graph, Node};
use crate::lint::config::{self, LintConfig};
use crate::lint::rules::{Level, RULES, Rule};
use crate::lint::{self, LintInput, Linted, page};
use crate::node::{NodeId, NodeKind};
use crate::parse::Body;
use crate::project::Dialect;
use crate::project::files::{Files, ProjectPath};
use crate::report::numbers;
use crate::run::Clock;
use crate::warehouse::duckdb;

/// Looks for what the rules are about in the nodes selected, and says what was found.
pub(super) fn run(session: &mut Session, args: &LintArgs) -> Result<Exit, Stopped> {
    if let Some(name) = &args.explain {
        let rule = find(session, name)?;
        session.reporter.data(page::section(rule.code()).unwrap_or_default());
        return Ok(Exit::Good);
    }
    let only = args.rule.iter().map(|it| find(session, it)).collect::<Result<BTreeSet<Rule>, Stopped>>()?;
    let (loaded, graph) = session.resolve(Purpose::of("lint"))?;
    let mut diags = Diagnostics::default();
    let mut config = config::read(&mut diags, &loaded.project, graph);
    lint::check_nodes(&mut diags, graph, &session.sources);
    session.report(diags)?;
    if args.list_rules {
        list_rules(session, &config);
        return Ok(Exit::Good);
    }
    if !only.is_empty() {
        config.only(&only);
    }
    let selected = session.select(loaded, graph, &args.selection)?;
    let is_whole = selected.len() == graph.len();
    let (linted, n_faults) = look(session, (loaded, graph), &config, &selected, is_whole)?;
    if !linted.findings.is_empty() {
        session.reporter.diagnostics(&session.sources, &linted.findings);
    }
    let n_errors = linted.findings.iter().filter(|it| it.severity == Severity::Error).count();
    summary(session, &linted, n_errors + n_faults);
    let is_bad = n_errors + n_faults > 0 || args.deny_warnings && !linted.findings.is_empty();
    Ok(if is_bad { Exit::Failed } else { Exit::Good })
}

/// Compiles and traces the whole project, since what is unused shows in the whole only.
fn look(
    session: &mut Session,
    (loaded, graph): (&Loaded, &Graph),
    config: &LintConfig,
    selected: &BTreeSet<NodeId>,
    is_whole: bool,
) -> Result<(Linted, usize), Stopped> {
    let wanted: BTreeSet<NodeId> = graph.nodes().filter(|(_, it)| is_read(it)).map(|it| it.0).collect();
    let compiled = compile::compile(&loaded.project, graph, &wanted);
    report_log(session, &compiled.log);
    let faults = faults(&compiled, selected);
    if !faults.is_empty() {
        session.reporter.diagnostics(&session.sources, &faults);
    }
    let shapes = session.shapes(loaded, graph, &compiled, &wanted, false)?;
    let lineage = session.lineage(loaded, graph, &compiled, &shapes)?;
    let options = session.connect_options(loaded, true);
    let input = LintInput {
        project: &loaded.project,
        graph,
        compiled: &compiled,
        shapes: &shapes,
        lineage: &lineage,
        sources: &session.sources,
        config,
        selected,
        is_whole,
        has_other_linter: has_other_linter(loaded),
    };
    let linted = duckdb::open_binder(&options).and_then(|binder| lint::lint(&input, binder));
    let linted = linted.map_err(|error| {
        let fault = Diagnostic::error("lint-failed", "the queries could not be read");
        session.fail(error.message.lines().fold(fault, |it, line| it.note(line.trim())))
    })?;
    let mut n_faults = faults.len();
    for (id, reason) in &linted.unread {
        match shapes.faults.get(id) {
            Some(faults) => {
                session.reporter.diagnostics(&session.sources, faults);
                n_faults += faults.len();
            }
            None => session.info(&format!("not read: {}: {reason}", graph.node(*id).name)),
        }
    }
    Ok((linted, n_faults))
}

/// Whether a `noqa` without names is likely to be for `SQLFluff`, which has the same word.
fn has_other_linter(loaded: &Loaded) -> bool {
    let is_set_up = loaded.project.dialect == Dialect::Tidemill || loaded.project.config.lint.is_some();
    !is_set_up || loaded.disk.exists(&ProjectPath::new(".sqlfluff"))
}

/// Whether it has rows or is called; what is written in Python is not looked at.
fn is_read(node: &Node) -> bool {
    let is_python = matches!(&node.body, Body::Model { details, .. } if details.is_python);
    !is_python
        && matches!(
            node.kind,
            NodeKind::Model | NodeKind::Seed | NodeKind::Snapshot | NodeKind::Source | NodeKind::Function
        )
}

fn find(session: &mut Session, name: &str) -> Result<Rule, Stopped> {
    Rule::find(name).ok_or_else(|| {
        let help = suggest::did_you_mean(name, Rule::codes());
        let fault = Diagnostic::error("unknown-rule", format!("there is no rule `{name}`"));
        session.fail(
            fault.help(help.unwrap_or_else(|| "`tidemill lint --list-rules` shows all rules".to_owned())),
        )
    })
}

fn list_rules(session: &mut Session, config: &LintConfig) {
    let width = Rule::codes().map(str::len).max().unwrap_or(0);
    let line = |(rule, code, usual): &(Rule, &str, Level)| {
        let level = config.level(*rule);
        let set = if level == *usual { "" } else { " (set by the project)" };
        format!("{code:width$}  {:5}  {}{set}", level.as_str(), page::summary(code))
    };
    let lines: Vec<String> = RULES.iter().map(line).collect();
    session.reporter.data(&lines.join("\n"));
}

fn summary(session: &mut Session, linted: &Linted, n_errors: usize) {
    let n_warnings = linted.findings.iter().filter(|it| it.severity == Severity::Warning).count();
    let mut parts = vec![format!("read {}", numbers::count(linted.n_queries, "query"))];
    if n_errors > 0 {
        parts.push(numbers::count(n_errors, "error"));
    }
    parts.push(match n_warnings {
        0 if n_errors == 0 => "found nothing".to_owned(),
        n => numbers::count(n, "warning"),
    });
    if n_warnings == 0 && n_errors > 0 {
        parts.pop();
    }
    let elapsed = numbers::duration(session.clock.monotonic());
    session.info(&format!("{} in {elapsed}", parts.join(", ")));
}
