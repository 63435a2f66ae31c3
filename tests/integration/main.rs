//! Integration tests.
mod seed;
mod warehouse;
