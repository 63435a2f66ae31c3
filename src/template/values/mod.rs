//! Values that behave as Python's do: lists, dictionaries and sets that can be changed, Python's text
//! forms and methods, and conversions from and to plain data.

pub(super) mod arguments;
pub(super) mod convert;
pub(super) mod decimal;
pub(super) mod dict;
pub(super) mod filters;
pub(super) mod json;
pub(super) mod list;
pub(super) mod literal;
pub(super) mod methods;
pub(super) mod print;
pub(super) mod set;
