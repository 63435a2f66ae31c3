//! Integration tests.

mod template_cases;
