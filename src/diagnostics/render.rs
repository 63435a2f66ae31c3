//! Draws diagnostics for people: the only printer of source excerpts.
