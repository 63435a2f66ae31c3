//! Integration tests.
mod warehouse;
