//! `clean --orphans`: list or drop what Tidemill made and no node owns any more.

use crate::cli::Exit;
use crate::cli::args::command::{CleanArgs, CleanOutput};
use crate::cli::publishing;
use crate::cli::session::{Loaded, Purpose, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::scrub::Scrubber;
use crate::graph::Graph;
use crate::past::orphans::{self, Orphan, Owner};
use crate::report::orphans::{self as pages, Fate};
use crate::report::standard_output_width;
use crate::run::Cleaning;
use crate::run::event::LogLevel;
use crate::warehouse::{Warehouse, WarehouseError};

/// Without `--drop`, the database is only read.
pub(super) fn run(session: &mut Session, args: &CleanArgs) -> Result<Exit, Stopped> {
    session.listen_for_interrupts();
    let (loaded, graph) = session.resolve(Purpose::of("clean"))?;
    let mut warehouse = session.connect(loaded, true)?;
    let found = find(session, loaded, graph, warehouse.as_mut())?;
    drop(warehouse);
    let mut fates = with_fates(found, args);
    if args.drop && fates.iter().any(|it| it.1 == Fate::Drop) {
        fates = drop_all(session, loaded, graph, args)?;
    }
    let text = match args.output {
        CleanOutput::Text => pages::text(&fates, standard_output_width()),
        CleanOutput::Json => pages::json(&fates),
    };
    if !text.is_empty() {
        session.reporter.data(&text);
    }
    session.info(&pages::summary(&fates));
    if session.stop.is_requested() {
        return Ok(Exit::Interrupted);
    }
    let has_failed = fates.iter().any(|it| matches!(it.1, Fate::Failed(_)));
    Ok(if has_failed { Exit::Failed } else { Exit::Good })
}

fn find(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    warehouse: &mut dyn Warehouse,
) -> Result<Vec<Orphan>, Stopped> {
    let (project, target) = (&loaded.project.config.name.value, &loaded.project.target.name);
    orphans::find(warehouse, Owner { graph, project, target })
        .map_err(|error| session.fail(Diagnostic::error("unreadable-history", error.message)))
}

fn with_fates(orphans: Vec<Orphan>, args: &CleanArgs) -> Vec<(Orphan, Fate)> {
    let fate = |it: &Orphan| match &it.kept {
        Some(reason) => Fate::Kept(reason.clone()),
        None if it.is_history && !args.include_snapshots => {
            Fate::Kept("its history cannot be made again (--include-snapshots drops it)".to_owned())
        }
        None => Fate::Drop,
    };
    orphans.into_iter().map(|it| (fate(&it), it)).map(|(fate, it)| (it, fate)).collect()
}

/// In the published file or, with `publish: run`, in a copy that takes its place.
fn drop_all(
    session: &mut Session,
    loaded: &Loaded,
    graph: &Graph,
    args: &CleanArgs,
) -> Result<Vec<(Orphan, Fate)>, Stopped> {
    let staged = publishing::begin(session, loaded)?;
    let options =
        staged.as_ref().map_or_else(|| session.connect_options(loaded, false), |it| it.options().clone());
    let mut warehouse = session.open(loaded, &options)?;
    // What was read before may have changed since.
    let found = find(session, loaded, graph, warehouse.as_mut())?;
    let dropped = drop_in(session, loaded, warehouse.as_mut(), with_fates(found, args));
    drop(warehouse);
    let fates = dropped.map_err(|error| session.fail(Diagnostic::error("warehouse", error.message)))?;
    match staged {
        Some(copy) if session.stop.is_requested() => {
            copy.give_up(false);
            session.info("interrupted: nothing is dropped");
        }
        Some(copy) => publishing::publish(session, loaded, graph, copy)?,
        None => {}
    }
    Ok(fates)
}

fn drop_in(
    session: &mut Session,
    loaded: &Loaded,
    warehouse: &mut dyn Warehouse,
    fates: Vec<(Orphan, Fate)>,
) -> Result<Vec<(Orphan, Fate)>, WarehouseError> {
    let scrubber = Scrubber::new(&loaded.project.settings.secrets());
    let cleaning = Cleaning::new(warehouse.database(), &session.invocation_id, scrubber);
    for statement in cleaning.started(&loaded.project.config.name.value, &loaded.project.target.name) {
        warehouse.execute(&statement)?;
    }
    let (to_drop, mut fates): (Vec<_>, Vec<_>) = fates.into_iter().partition(|it| it.1 == Fate::Drop);
    let to_drop = orphans::readers_first(warehouse, to_drop.into_iter().map(|it| it.0).collect())?;
    let mut is_good = true;
    for orphan in to_drop {
        if session.stop.is_requested() {
            fates.push((orphan, Fate::Drop));
            continue;
        }
        let fate = match drop_one(warehouse, &cleaning, &orphan) {
            Ok(()) => Fate::Dropped,
            Err(error) => {
                is_good = false;
                let why = error.message.lines().next().unwrap_or_default().to_owned();
                session
                    .reporter
                    .log(LogLevel::Warning, &format!("{} is not dropped: {why}", orphan.relation.short()));
                Fate::Failed(why)
            }
        };
        fates.push((orphan, fate));
    }
    warehouse.execute(&cleaning.finished(is_good))?;
    fates.sort_by(|a, b| a.0.relation.cmp(&b.0.relation));
    Ok(fates)
}

/// With its row in the history, in one transaction; in another database, one after the other.
fn drop_one(
    warehouse: &mut dyn Warehouse,
    cleaning: &Cleaning,
    orphan: &Orphan,
) -> Result<(), WarehouseError> {
    let relation = &orphan.relation;
    let statement = format!("drop {} {}", orphan.kind.as_str(), relation.render());
    let word = cleaning.dropped(&orphan.node_id, relation);
    let is_beside =
        relation.database.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(warehouse.database()));
    if !is_beside {
        return warehouse.execute(&statement).and_then(|_| warehouse.execute(&word)).map(drop);
    }
    warehouse.begin()?;
    let done = warehouse.execute(&statement).and_then(|_| warehouse.execute(&word));
    match done {
        Ok(_) => warehouse.commit(),
        Err(error) => {
            warehouse.rollback();
            Err(error)
        }
    }
}
