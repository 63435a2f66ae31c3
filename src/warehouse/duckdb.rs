//! The duckdb wall: the embedded engine behind [`super::Warehouse`].
