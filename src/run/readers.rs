//! Views that read what a step makes: they must be readable when the new version is published.
//!
//! The engine binds a view when it is read. So a view of a table that loses a column is found to be broken by the first
//! reader, unless somebody looks before. Who reads what is taken from the views' own texts, so that views that are no part of
//! the project are found too.

use std::collections::BTreeSet;

use super::connection::Connection;
use super::event::{LogLevel, RunEvent};
use super::step::{Failure, Worker};
use super::{Shared, catalog_key};
use crate::diagnostics::Diagnostic;
use crate::node::{NodeId, NodeKind, Relation, RelationKind};
use crate::parse::Body;
use crate::warehouse::{Column, ErrorKind, Warehouse, WarehouseError};

/// The views that may read a relation, and its columns before the step.
pub(super) struct Readers {
    /// Not known of a function: it has columns when it is called.
    before: Option<Vec<Column>>,
    views: Vec<Relation>,
}

/// A view that cannot be read, and why.
struct Broken {
    view: Relation,
    error: WarehouseError,
}

impl Worker<'_> {
    /// Looks at the relation before it is made anew; `None` if no view reads it.
    pub(super) fn readers(&mut self) -> Option<Readers> {
        let relation = self.step.relation.as_ref()?;
        self.exists_as()?;
        let views = views_of(self.shared.views(self.warehouse), relation);
        if views.is_empty() {
            return None;
        }
        if self.is_called() {
            return Some(Readers { before: None, views });
        }
        // On a connection of its own: if it cannot be read, as a view of files that are gone, this step's transaction would end.
        let mut published = self.warehouse.connect().ok()?;
        let before = published.describe(&format!("select * from {}", relation.render())).ok()?;
        Some(Readers { before: Some(before), views })
    }

    /// Looks whether all views can read the new version. A view of the project that this run does not make anew lets the step
    /// fail; any other is named in a warning.
    pub(super) fn check_readers(&mut self, readers: Option<&Readers>) -> Result<(), Failure> {
        let (Some(readers), Some(relation)) = (readers, &self.step.relation) else { return Ok(()) };
        if let Some(before) = &readers.before {
            let after = self.warehouse.describe(&format!("select * from {}", relation.render()));
            if after.is_ok_and(|it| it == *before) {
                return Ok(());
            }
        }
        let mut broken = broken(self.warehouse, &readers.views);
        if broken.is_empty() {
            return Ok(());
        }
        // What was broken before is not this step's fault. Another connection sees what is published.
        if let Ok(mut published) = self.warehouse.connect() {
            let views: Vec<Relation> = broken.iter().map(|it| it.view.clone()).collect();
            let before: BTreeSet<Relation> =
                self::broken(published.as_mut(), &views).into_iter().map(|it| it.view).collect();
            broken.retain(|it| !before.contains(&it.view));
        }
        let mut ours = Vec::new();
        for it in broken {
            match self.owner(&it.view) {
                Some(id) if self.shared.planned.contains(&id) => {
                    // It is made anew after this step. Whether that went well is seen at the end.
                    if let Ok(mut endangered) = self.shared.endangered.lock() {
                        endangered.insert(it.view, self.node.name.clone());
                    }
                }
                Some(_) => ours.push(it),
                None => self.warnings.push(format!(
                    "view {} cannot read the new version of {}: {}",
                    it.view.short(),
                    self.node.name,
                    first_line(&it.error)
                )),
            }
        }
        if ours.is_empty() { Ok(()) } else { Err(self.breaks(&ours)) }
    }

    /// The node that a view is.
    fn owner(&self, view: &Relation) -> Option<NodeId> {
        let key = catalog_key(&view.render());
        let is_it = |it: &Relation| catalog_key(&it.render()) == key;
        let mut nodes = self.shared.graph.nodes().filter(|(_, node)| {
            let is_made = matches!(node.body, Body::Model { .. }) || node.kind == NodeKind::Snapshot;
            is_made && node.relation.as_ref().is_some_and(is_it)
        });
        nodes.next().map(|(id, _)| id)
    }

    fn breaks(&self, views: &[Broken]) -> Failure {
        let name = &self.node.name;
        let names: Vec<String> = views.iter().map(|it| it.view.short()).collect();
        let (noun, verb) = if views.len() == 1 { ("view", "reads") } else { ("views", "read") };
        let message = format!(
            "the new version of `{name}` would break the {noun} {}, which {verb} from it",
            names.join(", ")
        );
        let mut fault = Diagnostic::error("breaks-views", message);
        if self.node.kind != NodeKind::Seed {
            fault = fault.at(self.node.span, "");
        }
        for it in views {
            let why = match self.warehouse.missing_column(&it.error) {
                Some(column) => format!("it reads the column `{column}`, which is gone"),
                None => first_line(&it.error).to_owned(),
            };
            fault = fault.note(format!("{}: {why}", it.view.short()));
        }
        let fault = fault.help(format!("make what reads it anew in the same run: tidemill build -s {name}+"));
        Failure { kind: ErrorKind::Sql, fault }
    }
}

impl Shared<'_> {
    /// All views with their texts, as they were when somebody asked first; none if the catalog had none.
    fn views(&self, warehouse: &mut Connection) -> &[(Relation, String)] {
        self.views.get_or_init(|| {
            let has_views = self.catalog.values().any(|it| *it == RelationKind::View);
            if has_views { warehouse.views().unwrap_or_default() } else { Vec::new() }
        })
    }
}

/// Warns of views that were to be made anew by this run and are broken at its end.
pub(super) fn warn(shared: &Shared<'_>, warehouse: &mut Connection, on_event: &mut dyn FnMut(&RunEvent)) {
    let Ok(endangered) = shared.endangered.lock() else { return };
    let views: Vec<Relation> = endangered.keys().cloned().collect();
    for it in broken(warehouse, &views) {
        let base = endangered.get(&it.view).map_or("", String::as_str);
        let message = format!(
            "view {} cannot be read since {base} was published, because it was not made anew: {}",
            it.view.short(),
            first_line(&it.error)
        );
        on_event(&RunEvent::Log { level: LogLevel::Warning, message });
    }
}

/// Those of these views that cannot be bound.
fn broken(warehouse: &mut dyn Warehouse, views: &[Relation]) -> Vec<Broken> {
    let mut broken = Vec::new();
    for view in views {
        match warehouse.describe(&format!("select * from {}", view.render())) {
            Err(error) if error.kind == ErrorKind::Sql => broken.push(Broken { view: view.clone(), error }),
            Ok(_) | Err(_) => {}
        }
    }
    broken
}

/// The views whose text has the relation's name in it, and those that have theirs; sorted.
fn views_of(views: &[(Relation, String)], relation: &Relation) -> Vec<Relation> {
    let own = catalog_key(&relation.render());
    let mut names = vec![relation.identifier.to_lowercase()];
    let mut found: BTreeSet<Relation> = BTreeSet::new();
    while let Some(name) = names.pop() {
        for (view, text) in views {
            let is_reader = text.contains(&name) && catalog_key(&view.render()) != own;
            if is_reader && found.insert(view.clone()) {
                names.push(view.identifier.to_lowercase());
            }
        }
    }
    found.into_iter().collect()
}

fn first_line(error: &WarehouseError) -> &str {
    error.message.lines().next().unwrap_or_default()
}
