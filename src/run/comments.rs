//! `persist_docs`: descriptions as comments in the database, in the transaction that makes the relation.

use super::step::{Failure, Worker};
use crate::node::{quote_identifier, quote_literal};
use crate::template::Rendered;
use crate::warehouse::{ErrorKind, Warehouse as _};

impl Worker<'_> {
    /// Writes the comments that the config asks for. `kind` is the word behind `comment on`.
    pub(super) fn comment(&mut self, kind: &str) -> Result<(), Failure> {
        for statement in self.comments(kind)? {
            match self.warehouse.execute(&statement) {
                Ok(_) => {}
                // Not every attached database keeps comments.
                Err(error) if error.kind == ErrorKind::Sql && self.is_attached() => {
                    let why = error.message.lines().next().unwrap_or_default();
                    let whose = &self.node.name;
                    self.warnings
                        .push(format!("descriptions of {whose} are not kept in the database: {why}"));
                    return Ok(());
                }
                Err(error) => return Err(self.failure(&Rendered::default(), 0, &error)),
            }
        }
        Ok(())
    }

    /// The statements that write the comments.
    pub(super) fn comments(&mut self, kind: &str) -> Result<Vec<String>, Failure> {
        let Some(relation) = &self.step.relation else { return Ok(Vec::new()) };
        let (node, name) = (self.node, relation.render());
        let config = &node.config.duckdb;
        let mut statements = Vec::new();
        if config.comments_on_relation && !node.description.is_empty() {
            statements.push(format!("comment on {kind} {name} is {}", quote_literal(&node.description)));
        }
        let is_described =
            !node.columns.is_empty() || self.shared.plan.inherited.of_node(self.step.node).next().is_some();
        if config.comments_on_columns && is_described && kind != "macro table" {
            statements.extend(self.column_comments(kind, &name)?);
        }
        Ok(statements)
    }

    /// Whether the relation is in another database than the target's own.
    fn is_attached(&self) -> bool {
        let database = self.step.relation.as_ref().and_then(|it| it.database.as_deref());
        database.is_some_and(|it| !it.eq_ignore_ascii_case(self.warehouse.database()))
    }

    fn column_comments(&mut self, kind: &str, name: &str) -> Result<Vec<String>, Failure> {
        let database = self.step.relation.as_ref().and_then(|it| it.database.as_deref()).unwrap_or_default();
        if kind == "view" && self.shared.around.project.target.is_lake(database) {
            return Ok(Vec::new());
        }
        let there = self
            .warehouse
            .describe(&format!("select * from {name}"))
            .map_err(|error| self.failure(&Rendered::default(), 0, &error))?;
        let (id, inherited) = (self.step.node, &self.shared.plan.inherited);
        let (mut statements, mut missing) = (Vec::new(), Vec::new());
        for column in &self.node.columns {
            let wanted = &column.name.value;
            let Some(found) = there.iter().find(|it| it.name.eq_ignore_ascii_case(wanted)) else {
                missing.push(wanted.as_str());
                continue;
            };
            let own = column.description.as_ref().map_or("", |it| it.value.as_str());
            let text = inherited.of(id, wanted).map_or(own, |it| it.text.as_str());
            let column = quote_identifier(&found.name);
            statements.push(format!("comment on column {name}.{column} is {}", quote_literal(text)));
        }
        let is_listed =
            |name: &str| self.node.columns.iter().any(|it| it.name.value.eq_ignore_ascii_case(name));
        for column in inherited.of_node(id).filter(|it| !is_listed(&it.name)) {
            if let Some(found) = there.iter().find(|it| it.name.eq_ignore_ascii_case(&column.name)) {
                let (place, text) = (quote_identifier(&found.name), quote_literal(&column.text));
                statements.push(format!("comment on column {name}.{place} is {text}"));
            }
        }
        if !missing.is_empty() {
            self.warnings.push(format!(
                "{} has no column {}, which is described",
                self.node.name,
                missing.join(", ")
            ));
        }
        Ok(statements)
    }
}
