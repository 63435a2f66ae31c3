//! A database in memory for queries over made-up rows: it reads SQL as the target's does, and has nothing of it.

use std::sync::Arc;

use super::{DuckDb, opening, statements};
use crate::warehouse::{ConnectOptions, Warehouse, WarehouseError};

/// Opens such a database for rows.
pub fn open_scratch(options: &ConnectOptions) -> Result<Box<dyn Warehouse>, WarehouseError> {
    Ok(Box::new(in_memory(options)?))
}

/// With the target's settings, as far as they are about SQL, and with those of its extensions that are installed.
/// Nothing is attached, fetched or written.
pub(super) fn in_memory(options: &ConnectOptions) -> Result<DuckDb, WarehouseError> {
    let own = ConnectOptions {
        schema: "main".to_owned(),
        workers: 1,
        settings: vec![("threads".to_owned(), "1".to_owned())],
        config_options: options.config_options.clone(),
        is_offline: true,
        secrets: options.secrets.clone(),
        ..ConnectOptions::default()
    };
    let (connection, mut shared) = opening::open(&own, &mut |_| false)?;
    // The numbers of the profiler are of no use here, and cost time.
    let _ = connection.execute_batch("pragma disable_profiling");
    for extension in &options.extensions {
        // One that is not there makes its functions unknown, and queries that call them.
        let _ = connection.execute_batch(&statements::load(extension));
    }
    for (name, value) in options.settings.iter().filter(|it| !is_of_machine(&it.0)) {
        if connection.execute_batch(&opening::set_here(name, value)).is_ok() {
            shared.local_settings.push((name.clone(), value.clone()));
        }
    }
    Ok(DuckDb { connection, shared: Arc::new(shared) })
}

/// Settings that say how much of the machine the engine may use.
fn is_of_machine(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "threads",
        "worker_threads",
        "memory_limit",
        "max_memory",
        "temp_directory",
        "max_temp_directory_size",
        "enable_profiling",
    ];
    NAMES.iter().any(|it| it.eq_ignore_ascii_case(name))
}
