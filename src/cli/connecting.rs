//! From a target to a connection: options, waiting, and what to say if it cannot be opened.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::session::{Loaded, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::project::Dialect;
use crate::run::event::RunEvent;
use crate::warehouse::{Attachment, ConnectOptions, ErrorKind, Warehouse, WarehouseError, duckdb};

impl Session {
    /// Opens the database of the project's target.
    pub(super) fn connect(
        &mut self,
        loaded: &Loaded,
        read_only: bool,
    ) -> Result<Box<dyn Warehouse>, Stopped> {
        let target = &loaded.project.target;
        let file = target.file(loaded.base());
        if read_only && file.as_ref().is_some_and(|it| !it.exists()) {
            let message = format!("the database `{}` does not exist yet", target.path);
            let fault = Diagnostic::error("missing-database", message);
            return Err(self.fail(fault.help("`tidemill build` makes it")));
        }
        let options = self.connect_options(loaded, read_only);
        self.open(loaded, &options)
    }

    /// Opens a database, waiting for it if there is time.
    pub(super) fn open(
        &mut self,
        loaded: &Loaded,
        options: &ConnectOptions,
    ) -> Result<Box<dyn Warehouse>, Stopped> {
        let target = &loaded.project.target;
        let (reporter, sources, stop) = (&mut self.reporter, &self.sources, Arc::clone(&self.stop));
        let mut is_waiting = false;
        let opened = duckdb::open_with(options, &mut |error| {
            if let (ErrorKind::Locked { holder }, false) = (&error.kind, is_waiting) {
                reporter.event(sources, &RunEvent::Waiting { holder: holder.clone() });
            }
            is_waiting = true;
            !stop.is_requested()
        });
        opened.map_err(|error| {
            if stop.is_requested() {
                return self.fail(Diagnostic::error("interrupted", "the run was interrupted"));
            }
            self.fail(cannot_open(&target.path, &error))
        })
    }

    /// Opens the database to look at sources; without a file yet, in memory, as sources may be elsewhere.
    pub(super) fn open_to_look(&self, loaded: &Loaded) -> Result<Box<dyn Warehouse>, WarehouseError> {
        self.opener(loaded).open()
    }

    /// What opens the database to look at sources, as often as it takes.
    pub(super) fn opener(&self, loaded: &Loaded) -> Opener {
        let mut options = self.connect_options(loaded, true);
        options.wait = Duration::ZERO;
        // A look must not keep others from writing.
        options.attach.iter_mut().for_each(|it| it.read_only = true);
        Opener { options }
    }

    /// How the target's database is opened.
    pub(super) fn connect_options(&self, loaded: &Loaded, read_only: bool) -> ConnectOptions {
        let target = &loaded.project.target;
        let file = target.file(loaded.base());
        let mut secrets = loaded.project.settings.secrets();
        secrets.extend(target.secrets.iter().cloned());
        let schema = match loaded.project.dialect {
            Dialect::Tidemill => target.schema.clone(),
            // dbt-duckdb resolves unqualified names in `main`, whatever the target's schema.
            Dialect::Dbt => "main".to_owned(),
        };
        let retries = target.retries.as_ref();
        let patience = retries.map(|it| patience(it.connect_attempts));
        ConnectOptions {
            read_only: read_only && file.is_some(),
            path: file,
            main: target.lake().map(|path| Attachment {
                path: path.to_owned(),
                alias: Some(target.own_database()),
                is_lake: true,
                ..Attachment::default()
            }),
            schema,
            workers: self.threads(&loaded.project).get(),
            settings: target.settings.clone(),
            extensions: target.extensions.clone(),
            create_secrets: target.create_secrets.clone(),
            config_options: target.config_options.clone(),
            attach: target.attach.clone(),
            is_offline: self.globals.offline.unwrap_or(false),
            wait: self.globals.wait.or(patience).unwrap_or(Duration::ZERO),
            retryable: retries.map(|it| it.exceptions.clone()).unwrap_or_default(),
            secrets,
        }
    }
}

/// Opens the database again and again, to look at sources.
pub(super) struct Opener {
    options: ConnectOptions,
}

impl Opener {
    pub(super) fn open(&self) -> Result<Box<dyn Warehouse>, WarehouseError> {
        let mut options = self.options.clone();
        if options.path.as_ref().is_some_and(|it| !it.exists()) {
            (options.path, options.read_only) = (None, false);
        }
        duckdb::open(&options)
    }
}

/// As long as dbt-duckdb waits in so many attempts: a second, two, four, ...
fn patience(attempts: usize) -> Duration {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX).min(16);
    Duration::from_secs(2_u64.pow(attempts) - 1)
}

/// Why a database cannot be opened.
pub(super) fn cannot_open(path: &str, error: &WarehouseError) -> Diagnostic {
    let (code, message) = match &error.kind {
        ErrorKind::Locked { holder } => {
            let who = holder.as_ref().map(|it| format!(" by {it}")).unwrap_or_default();
            ("database-locked", format!("the database `{path}` is in use{who}"))
        }
        ErrorKind::Corrupt => {
            ("database-corrupt", format!("`{path}` is not a DuckDB database that can be read"))
        }
        ErrorKind::Unavailable => ("database-unavailable", format!("the database `{path}` cannot be opened")),
        ErrorKind::DiskFull => ("disk-full", format!("the disk is full: `{path}` cannot be written")),
        ErrorKind::Sql
        | ErrorKind::Interrupted
        | ErrorKind::OutOfMemory
        | ErrorKind::Conflict
        | ErrorKind::Transient => ("connection-failed", format!("cannot connect to `{path}`")),
    };
    let diagnostic =
        error.message.lines().fold(Diagnostic::error(code, message), |it, line| it.note(line.trim()));
    match &error.kind {
        ErrorKind::Locked { .. } => {
            diagnostic.help("close the other program, or wait for it with `--wait 60s`")
        }
        ErrorKind::Corrupt => diagnostic.help(
            "bring back a copy of the file; if it only holds what this project makes, move it away and build again",
        ),
        _ => diagnostic,
    }
}
