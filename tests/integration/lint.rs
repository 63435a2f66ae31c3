//! `lint`.
