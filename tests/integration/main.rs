//! Integration tests.

mod template_api;
mod template_cases;
