//! `--wait-for-sources`: looking again and again until all sources are ready.
//!
//! Between two looks nothing is open, so that a loader can write to the database file.

use std::sync::Arc;
use std::time::Duration;

use super::freshness::{Age, age_of, said};
use super::look::Shape;
use super::measure::{Measured, measure, of_plan};
use super::{aligned, full_name};
use crate::graph::Graph;
use crate::parse::Body;
use crate::parse::source_rules::OnStale;
use crate::plan::Plan;
use crate::run::event::{LogLevel, RunEvent};
use crate::run::testing::judging::span_of_time;
use crate::run::{Connection, Surroundings};
use crate::warehouse::{Warehouse, WarehouseError};

/// The first pause; each is half as long again as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long to wait, and how.
pub struct Patience<'a> {
    /// No look begins after this.
    pub limit: Duration,
    /// Lets time pass; ends early if the user wants to stop.
    pub pause: &'a mut dyn FnMut(Duration),
}

/// What waiting came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// All sources are ready.
    Ready,
    /// The time is up: what is missing, a line each.
    NotReady(Vec<String>),
    /// The user stopped it.
    Interrupted,
}

/// Looks until all sources of the plan are there, fresh and aligned, or the time is up. Columns are not looked at: a
/// change there is no matter of time.
pub fn wait(
    plan: &Plan,
    graph: &Graph,
    around: &Surroundings<'_>,
    patience: &mut Patience<'_>,
    open: &mut dyn FnMut() -> Result<Box<dyn Warehouse>, WarehouseError>,
    on_event: &mut dyn FnMut(&RunEvent),
) -> Readiness {
    if of_plan(plan).is_empty() {
        return Readiness::Ready;
    }
    let started = around.clock.monotonic();
    let mut pause = FIRST_PAUSE;
    let mut told: Vec<String> = Vec::new();
    loop {
        let missing = look(plan, graph, around, open);
        if around.stop.is_requested() {
            return Readiness::Interrupted;
        }
        if missing.is_empty() {
            return Readiness::Ready;
        }
        let left = patience.limit.saturating_sub(around.clock.monotonic().saturating_sub(started));
        if left.is_zero() {
            return Readiness::NotReady(missing);
        }
        // Ages grow from look to look; what is waited for is told when it is another source.
        let names = names(&missing);
        if names != told {
            for line in &missing {
                let message = format!("waiting for sources: {line}");
                on_event(&RunEvent::Log { level: LogLevel::Info, message });
            }
            told = names;
        }
        (patience.pause)(pause.min(left));
        if around.stop.is_requested() {
            return Readiness::Interrupted;
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

fn names(missing: &[String]) -> Vec<String> {
    missing.iter().map(|it| it.split(": ").next().unwrap_or(it).to_owned()).collect()
}

/// What is not ready now.
fn look(
    plan: &Plan,
    graph: &Graph,
    around: &Surroundings<'_>,
    open: &mut dyn FnMut() -> Result<Box<dyn Warehouse>, WarehouseError>,
) -> Vec<String> {
    let warehouse = match open() {
        Ok(warehouse) => warehouse,
        // A loader holds it, or has not made it yet.
        Err(error) => {
            let why = error.message.lines().next().unwrap_or_default();
            return vec![format!("the database cannot be opened: {why}")];
        }
    };
    let mut connection = Connection::new(warehouse, Arc::clone(&around.clock), false);
    around.stop.register(connection.interrupt_handle());
    let measured = measure(plan, graph, around.project, &mut connection);
    around.stop.forget();
    not_ready(plan, graph, &measured)
}

fn not_ready(plan: &Plan, graph: &Graph, measured: &Measured) -> Vec<String> {
    let mut missing = Vec::new();
    for id in of_plan(plan) {
        let node = graph.node(id);
        let check = plan.steps.iter().find(|it| it.node == id).and_then(|it| it.source.as_deref());
        let Body::Source(source) = &node.body else { continue };
        let name = full_name(node);
        match (measured.shapes.get(&id), measured.times.get(&id)) {
            (Some(Shape::Missing(_)), _) => missing.push(format!("{name}: it is not there")),
            (Some(Shape::Unreadable(error)), _) => {
                let why = error.message.lines().next().unwrap_or_default();
                missing.push(format!("{name}: {why}"));
            }
            (_, Some(Err(fault))) => missing.push(format!("{name}: {}", fault.message())),
            (_, Some(Ok(loaded))) => {
                let is_asked = check.is_some_and(|it| it.on_stale != OnStale::UseAnyway);
                let rule = source.freshness.as_ref().filter(|_| is_asked);
                // Where only a warning is asked for, that is the limit.
                let age = rule.map(|rule| (rule, age_of(loaded, rule)));
                if let Some((rule, age)) = age
                    && (age == Age::Stale || (age == Age::Late && rule.error_after.is_none()))
                {
                    missing.push(format!("{name}: {}", said(loaded, rule, age)));
                }
            }
            _ => {}
        }
    }
    for rule in &plan.aligned {
        let apart = rule.steps.iter().find_map(|(_, it)| aligned::apart(measured, it, rule.within));
        if let Some(apart) = apart {
            let said = aligned::said(graph, measured, &apart);
            missing.push(format!("{said}; the limit is {}", span_of_time(rule.within)));
        }
    }
    missing
}
