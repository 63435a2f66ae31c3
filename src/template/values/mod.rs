//! Values that behave as Python's do: lists, dictionaries and sets that can be changed, Python's text
//! forms, methods and operators, Jinja's filters and tests, and conversions from and to plain data.

pub(super) mod arguments;
pub(super) mod convert;
mod cycler;
pub(super) mod decimal;
mod decimal_filters;
pub(super) mod dict;
pub(super) mod filters;
mod format_spec;
mod formatting;
pub(super) mod json;
pub(super) mod list;
pub(super) mod literal;
pub(super) mod methods;
mod numbers;
mod operators;
pub(super) mod print;
mod sequence_filters;
pub(super) mod set;
mod tests;
mod text_cases;
mod text_filters;
mod text_methods;
mod unpacking;
mod views;
