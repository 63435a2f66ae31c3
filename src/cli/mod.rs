//! The command line: arguments and environment in, calls of the phases, exit status out.

pub mod args;
mod checking;
mod commands;
mod connecting;
pub mod environment;
mod publishing;
mod recording;
mod report_files;
mod selecting;
mod session;
mod unit_testing;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::environment::Environment;
use crate::cli::session::Session;

/// How a command ended; the numbers are dbt's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All good.
    Good,
    /// A node or a test failed.
    Failed,
    /// The command could not run.
    CouldNotRun,
    /// Sources were waited for and are not ready; nothing was run.
    NotReady,
    /// The user stopped it.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Good => 0,
            Exit::Failed => 1,
            Exit::CouldNotRun => 2,
            Exit::NotReady => 3,
            Exit::Interrupted => 130,
        })
    }
}

/// Runs the program with the process's arguments and environment.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A variable that is not Unicode can be no setting of ours.
    let variables: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let cli = match args::read(arguments, &variables) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing better can be done where even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let mut session = Session::new(cli.globals, variables);
    let exit = commands::run(&mut session, &cli.command);
    let exit = report_files::write(&mut session, &cli.name, exit);
    if session.finish().is_err() { Exit::CouldNotRun.into() } else { exit.into() }
}
