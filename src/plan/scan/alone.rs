//! Why a test does not share the common query.

use std::fmt;

/// Why a test has a query of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyAlone {
    /// It is a query in a file.
    Singular,
    /// A macro writes its query.
    Macro(String),
    /// It is no test of a table or view.
    Ephemeral,
    /// It reads an ephemeral model, which only its own query has.
    ReadsEphemeral,
    /// Its template asks the database.
    Late,
    /// Its template cannot be rendered.
    Broken,
    /// It has a `limit`.
    Limit,
    /// It has a `fail_calc`.
    FailCalc,
    /// The project has its own form of a macro around the queries of tests.
    OwnMacro(&'static str),
    /// It judges groups of rows.
    Groups,
    /// It compares rows with their neighbours.
    Neighbours,
    /// It looks at columns, not at rows.
    Columns,
    /// It has a `where`, which a measure cannot be given.
    MeasureOfAPart,
    /// The other relation's column is an expression.
    FieldExpression,
}

impl fmt::Display for WhyAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WhyAlone::Singular => f.write_str("a query in a file"),
            WhyAlone::Macro(name) => write!(f, "the macro `{name}` writes its query"),
            WhyAlone::Ephemeral => f.write_str("its model is ephemeral"),
            WhyAlone::ReadsEphemeral => f.write_str("it reads an ephemeral model"),
            WhyAlone::Late => f.write_str("its template asks the database"),
            WhyAlone::Broken => f.write_str("its template cannot be rendered"),
            WhyAlone::Limit => f.write_str("it has a `limit`"),
            WhyAlone::FailCalc => f.write_str("it has a `fail_calc`"),
            WhyAlone::OwnMacro(name) => write!(f, "the project has its own `{name}`"),
            WhyAlone::Groups => f.write_str("it judges groups"),
            WhyAlone::Neighbours => f.write_str("it compares rows with their neighbours"),
            WhyAlone::Columns => f.write_str("it looks at columns, not at rows"),
            WhyAlone::MeasureOfAPart => f.write_str("a measure with a `where`"),
            WhyAlone::FieldExpression => f.write_str("`field` is an expression"),
        }
    }
}
