//! The rules: their names and how much each matters unless a project says otherwise.
//!
//! What a rule means, with a bad and a good example, is in `manual/lint.md`; see [`super::page`].

/// How much a rule's findings matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The command fails.
    Error,
    /// It is said.
    Warn,
    /// Nothing is looked for.
    Off,
}

impl Level {
    /// All levels by the words of YAML.
    pub const ALL: [(&'static str, Level); 3] =
        [("error", Level::Error), ("warn", Level::Warn), ("off", Level::Off)];

    /// The word in YAML.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Off => "off",
        }
    }
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A column is compared with the id of one thing.
    HardCodedId,
    /// A column is compared with the name of one person, firm or product.
    HardCodedName,
    /// A list or a lookup table in SQL.
    HardCodedList,
    /// A rate, a tax or a factor in SQL.
    HardCodedRate,
    /// A date in SQL.
    HardCodedDate,
    /// A table by its name instead of `ref()` or `source()`.
    HardCodedRelation,
    /// A source that is read outside staging.
    SourceOutsideStaging,
    /// A model that reads sources and models.
    MixedParents,
    /// The columns of a mart are those of its parent.
    SelectStar,
    /// A union by position of columns that are not listed.
    StarInUnion,
    /// A column without its table in a query with a join.
    AmbiguousColumn,
    /// Columns of a source that nobody reads.
    UnusedSourceColumn,
    /// Columns that staging carries and nobody reads.
    UnusedStagingColumn,
    /// A join that relates nothing.
    JoinWithoutKey,
    /// A join of which neither side has its key once.
    JoinFanOut,
    /// A left join that a condition makes an inner one.
    OuterJoinUndone,
    /// `select distinct` over a join.
    DistinctAfterJoin,
    /// `union` that says neither `all` nor `distinct`.
    BareUnion,
    /// `not in` a query that may give nulls.
    NotInNullable,
    /// A comparison with null.
    NullComparison,
    /// A function that gives something else in each run.
    UnstableFunction,
    /// An order that is not decided.
    UnstableOrder,
    /// An order that nobody sees.
    OrderByInSubquery,
    /// A common table expression that nothing reads.
    UnusedCte,
    /// A model that nothing reads.
    UnusedModel,
    /// A macro that nothing calls.
    UnusedMacro,
    /// A source that nothing reads.
    UnusedSource,
    /// A model whose key is not tested.
    MissingKeyTest,
    /// Something without a description.
    MissingDescription,
    /// A `noqa` that silences nothing.
    UnusedNoqa,
    /// A `noqa` that names no rule.
    UnknownNoqa,
}

/// All rules in the order of the manual, with their names and levels.
#[rustfmt::skip]
pub const RULES: [(Rule, &str, Level); 31] = [
    (Rule::HardCodedId,          "hard-coded-id",          Level::Warn),
    (Rule::HardCodedName,        "hard-coded-name",        Level::Warn),
    (Rule::HardCodedList,        "hard-coded-list",        Level::Warn),
    (Rule::HardCodedRate,        "hard-coded-rate",        Level::Warn),
    (Rule::HardCodedDate,        "hard-coded-date",        Level::Warn),
    (Rule::HardCodedRelation,    "hard-coded-relation",    Level::Warn),
    (Rule::SourceOutsideStaging, "source-outside-staging", Level::Warn),
    (Rule::MixedParents,         "mixed-parents",          Level::Warn),
    (Rule::SelectStar,           "select-star",            Level::Warn),
    (Rule::StarInUnion,          "star-in-union",          Level::Warn),
    (Rule::AmbiguousColumn,      "ambiguous-column",       Level::Warn),
    (Rule::UnusedSourceColumn,   "unused-source-column",   Level::Warn),
    (Rule::UnusedStagingColumn,  "unused-staging-column",  Level::Warn),
    (Rule::JoinWithoutKey,       "join-without-key",       Level::Warn),
    (Rule::JoinFanOut,           "join-fan-out",           Level::Warn),
    (Rule::OuterJoinUndone,      "outer-join-undone",      Level::Warn),
    (Rule::DistinctAfterJoin,    "distinct-after-join",    Level::Warn),
    (Rule::BareUnion,            "bare-union",             Level::Warn),
    (Rule::NotInNullable,        "not-in-nullable",        Level::Warn),
    (Rule::NullComparison,       "null-comparison",        Level::Error),
    (Rule::UnstableFunction,     "unstable-function",      Level::Warn),
    (Rule::UnstableOrder,        "unstable-order",         Level::Warn),
    (Rule::OrderByInSubquery,    "order-by-in-subquery",   Level::Warn),
    (Rule::UnusedCte,            "unused-cte",             Level::Warn),
    (Rule::UnusedModel,          "unused-model",           Level::Warn),
    (Rule::UnusedMacro,          "unused-macro",           Level::Warn),
    (Rule::UnusedSource,         "unused-source",          Level::Warn),
    (Rule::MissingKeyTest,       "missing-key-test",       Level::Warn),
    (Rule::MissingDescription,   "missing-description",    Level::Warn),
    (Rule::UnusedNoqa,           "unused-noqa",            Level::Warn),
    (Rule::UnknownNoqa,          "unknown-noqa",           Level::Warn),
];

impl Rule {
    /// Its name, which is the code of its findings.
    pub fn code(self) -> &'static str {
        RULES.iter().find(|it| it.0 == self).map_or("", |it| it.1)
    }

    /// The rule of a name.
    pub fn find(code: &str) -> Option<Self> {
        RULES.iter().find(|it| it.1 == code).map(|it| it.0)
    }

    /// The names of all rules.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        RULES.iter().map(|it| it.1)
    }
}
