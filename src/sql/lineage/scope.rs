//! What names mean at one place of a query.

use std::collections::{BTreeMap, BTreeSet};

use super::ColumnName;

/// The columns that a value comes from.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// Each column, and whether the value is that column unchanged.
    pub(super) from: BTreeMap<ColumnName, bool>,
    /// Whether there may be more.
    pub(super) is_unknown: bool,
}

impl Sources {
    pub(super) fn of(table: &str, column: &str) -> Self {
        let name = ColumnName { table: table.to_owned(), column: column.to_owned() };
        Self { from: BTreeMap::from([(name, true)]), is_unknown: false }
    }

    /// Whether it comes from nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_empty() && !self.is_unknown
    }

    pub(super) fn unknown() -> Self {
        Self { is_unknown: true, ..Self::default() }
    }

    /// Adds what a part of an expression comes from: the whole is computed.
    pub(super) fn compute(&mut self, part: &Sources) {
        self.is_unknown |= part.is_unknown;
        for column in part.from.keys() {
            self.from.insert(column.clone(), false);
        }
    }

    /// Adds an alternative, as another branch of a union is.
    pub(super) fn or(&mut self, other: &Sources) {
        self.is_unknown |= other.is_unknown;
        for (column, is_exact) in &other.from {
            let known = self.from.entry(column.clone()).or_insert(*is_exact);
            *known &= *is_exact;
        }
    }

    pub(super) fn computed(mut self) -> Self {
        self.from.values_mut().for_each(|it| *it = false);
        self
    }

    pub(super) fn names(&self) -> impl Iterator<Item = ColumnName> + '_ {
        self.from.keys().cloned()
    }
}

/// A column of a relation inside a query.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) sources: Sources,
    /// Whether it may be several: the fields of a struct, whose names only the engine knows.
    pub(super) is_struct: bool,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, sources: Sources) -> Self {
        Self { name: name.into(), sources, is_struct: false }
    }
}

/// What a query or a part of it gives.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    pub(super) columns: Vec<Column>,
    /// Columns that decide on rows.
    pub(super) keys: BTreeSet<ColumnName>,
    /// Columns that decide on the order of rows, which matters to a list or a limit around it.
    pub(super) order: BTreeSet<ColumnName>,
    /// The table that names come from which are not listed.
    pub(super) any: Option<String>,
    /// Whether there are columns that are not listed, or listed ones that are not there.
    pub(super) is_open: bool,
}

impl Output {
    /// Whether not all of its columns are listed.
    pub(super) fn has_more(&self) -> bool {
        self.is_open || self.any.is_some()
    }

    /// Forgets which table more columns come from, where their places would have to be known.
    pub(super) fn by_place(mut self) -> Self {
        self.is_open |= self.any.take().is_some();
        self
    }
}

/// A relation in `from`.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    /// Its alias or name.
    pub(super) name: String,
    /// All parts of its name.
    pub(super) path: Vec<String>,
    pub(super) columns: Vec<Column>,
    /// The table whose columns are not known: any name may be one of them.
    pub(super) any: Option<String>,
    /// Whether its columns are those of nothing that has a name.
    pub(super) is_open: bool,
}

impl Relation {
    pub(super) fn column(&self, name: &str) -> Option<Sources> {
        let any = || self.any.as_ref().map(|table| Sources::of(table, name));
        let open = || self.is_open.then(Sources::unknown);
        self.listed(name).or_else(any).or_else(open)
    }

    /// A column that is listed by its name, or may be a field of a struct that is.
    fn listed(&self, name: &str) -> Option<Sources> {
        if let Some(found) = self.columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)) {
            return Some(found.sources.clone());
        }
        let mut structs = self.columns.iter().filter(|it| it.is_struct).peekable();
        structs.peek()?;
        let mut sources = Sources::default();
        structs.for_each(|it| sources.compute(&it.sources));
        Some(sources)
    }

    fn is_called(&self, parts: &[&str]) -> bool {
        match parts {
            [name] => self.name.eq_ignore_ascii_case(name),
            parts => {
                let own = self.path.iter().rev();
                self.path.len() >= parts.len()
                    && own.zip(parts.iter().rev()).all(|(own, part)| own.eq_ignore_ascii_case(part))
            }
        }
    }
}

/// Values that are written as a column is, where there is no such column: the engine's tree has them as columns.
pub const VALUES: [&str; 12] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "rowid",
    "session_user",
    "user",
];

/// Names that can be used at one place, with those of the queries around it.
#[derive(Clone, Default)]
pub(super) struct Scope<'p> {
    pub(super) parent: Option<&'p Scope<'p>>,
    pub(super) relations: Vec<Relation>,
    /// Columns of joins with `using`, which stand for one of either side.
    pub(super) merged: Vec<Column>,
    /// Names that the select list has given so far.
    pub(super) aliases: Vec<Column>,
    pub(super) ctes: Vec<(String, Output)>,
    /// Parameters of lambdas and of functions: values from within.
    pub(super) parameters: Vec<String>,
    pub(super) keys: BTreeSet<ColumnName>,
    /// Columns that decide on the order of the rows that are read.
    pub(super) order: BTreeSet<ColumnName>,
}

impl<'p> Scope<'p> {
    pub(super) fn inside(parent: Option<&'p Scope<'p>>) -> Self {
        Self { parent, ..Self::default() }
    }

    pub(super) fn cte(&self, name: &str) -> Option<&Output> {
        let own = self.ctes.iter().rev().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| &it.1);
        own.or_else(|| self.parent?.cte(name))
    }

    /// A name that the select list gives.
    pub(super) fn alias(&self, name: &str) -> Option<&Sources> {
        self.aliases.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| &it.sources)
    }

    pub(super) fn relation(&self, parts: &[&str]) -> Option<&Relation> {
        self.relations.iter().find(|it| it.is_called(parts))
    }

    /// What a name means; parts after the column are fields of a struct.
    pub(super) fn resolve(&self, parts: &[&str]) -> Option<Sources> {
        let own = self.resolve_here(parts);
        own.or_else(|| self.parent?.resolve(parts))
    }

    fn resolve_here(&self, parts: &[&str]) -> Option<Sources> {
        let (first, fields) = parts.split_first()?;
        if self.parameters.iter().any(|it| it.eq_ignore_ascii_case(first)) {
            return Some(Sources::default());
        }
        // `table.column`, `schema.table.column`, `database.schema.table.column`, each perhaps with fields.
        for length in (1..parts.len().min(4)).rev() {
            let (relation, rest) = parts.split_at(length);
            let Some((column, fields)) = rest.split_first() else { continue };
            if let Some(found) = self.relation(relation).and_then(|it| it.column(column)) {
                return Some(if fields.is_empty() { found } else { found.computed() });
            }
        }
        let found = self.unqualified(first)?;
        Some(if fields.is_empty() { found } else { found.computed() })
    }

    fn unqualified(&self, name: &str) -> Option<Sources> {
        let of = |columns: &[Column]| {
            columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map(|it| it.sources.clone())
        };
        if let Some(found) = of(&self.merged) {
            return Some(found);
        }
        if let Some(found) = self.relations.iter().find_map(|it| of(&it.columns)) {
            return Some(found);
        }
        if let Some(found) = of(&self.aliases) {
            return Some(found);
        }
        if let Some(found) = self.relations.iter().find_map(|it| it.listed(name)) {
            return Some(found);
        }
        // The row as a whole, as a struct.
        if let Some(relation) = self.relation(&[name]) {
            let mut whole = Sources { is_unknown: relation.any.is_some(), ..Sources::default() };
            relation.columns.iter().for_each(|it| whole.compute(&it.sources));
            return Some(whole);
        }
        if VALUES.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            return Some(Sources::default());
        }
        let mut open = self.relations.iter().filter(|it| it.any.is_some() || it.is_open);
        match (open.next(), open.next()) {
            (Some(only), None) => only.column(name),
            (Some(_), Some(_)) => Some(Sources::unknown()),
            (None, _) => None,
        }
    }
}
