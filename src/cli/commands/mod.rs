//! The commands: each reads its flags, calls the phases and reports.

mod accept;
mod check;
mod clean;
mod compile;
mod debug;
mod deps;
mod docs;
mod explain_tests;
mod history;
mod init;
mod late;
mod lineage;
mod lint;
mod list;
mod orphans;
mod parse;
mod profile;
mod retry;
mod rollback;
mod run;
mod run_operation;
mod show;
mod source;
mod unit_test;
mod waiting;

use self::run::Request;
use crate::cli::Exit;
use crate::cli::args::command::{Command, SourceCommand};
use crate::cli::args::{self};
use crate::cli::session::{Purpose, Session, Stopped};
use crate::diagnostics::Diagnostic;
use crate::plan::RunCommand;

/// Runs a command to its end.
pub(super) fn run(session: &mut Session, command: &Command) -> Exit {
    let result = match command {
        Command::Build(args) => {
            let purpose = Purpose {
                full_refresh: args.full_refresh,
                store_failures: args.store_failures,
                checks: !args.no_check,
                wait_for_sources: args.wait_for_sources,
                rows_read: args.rows.rows(&session.started_at),
                ..Purpose::of("build")
            };
            let request = Request::new(purpose, RunCommand::Build, &args.selection);
            let kinds = Some(&args.kinds);
            run::run(session, &Request { kinds, window: args.window, testing: args.testing, ..request })
        }
        Command::Run(args) => {
            let purpose = Purpose {
                full_refresh: args.full_refresh,
                wait_for_sources: args.wait_for_sources,
                rows_read: args.rows.rows(&session.started_at),
                ..Purpose::of("run")
            };
            let request = Request::new(purpose, RunCommand::Run, &args.selection);
            run::run(session, &Request { window: args.window, ..request })
        }
        Command::Test(args) => {
            let purpose = Purpose {
                store_failures: args.store_failures,
                wait_for_sources: args.wait_for_sources,
                ..Purpose::of("test")
            };
            let request = Request::new(purpose, RunCommand::Test, &args.selection);
            run::run(session, &Request { testing: args.testing, ..request })
        }
        Command::Seed(args) => {
            let purpose = Purpose { full_refresh: args.full_refresh, ..Purpose::of("seed") };
            run::run(session, &Request::new(purpose, RunCommand::Seed, &args.selection))
        }
        Command::Snapshot(args) => {
            let purpose = Purpose { rows_read: args.empty.rows(), ..Purpose::of("snapshot") };
            run::run(session, &Request::new(purpose, RunCommand::Snapshot, &args.selection))
        }
        Command::Retry(args) => retry::run(session, args),
        Command::Rollback(args) => rollback::run(session, args),
        Command::Check(args) => check::run(session, args),
        Command::Lineage(args) => lineage::run(session, args),
        Command::Lint(args) => lint::run(session, args),
        Command::Compile(args) => compile::run(session, args),
        Command::Parse => parse::run(session),
        Command::List(args) => list::run(session, args),
        Command::UnitTest(args) => unit_test::run(session, args),
        Command::RunOperation(args) => run_operation::run(session, args),
        Command::Show(args) => show::run(session, args),
        Command::Docs(args) => docs::run(session, args),
        Command::History(args) => history::run(session, args),
        Command::Profile(args) => profile::run(session, args),
        Command::Deps(args) => deps::run(session, args),
        Command::Source(SourceCommand::Freshness(args)) => source::freshness(session, args),
        Command::Source(SourceCommand::Accept(args)) => source::accept(session, args),
        Command::Accept(args) => accept::run(session, args),
        Command::Clean(args) if args.orphans => orphans::run(session, args),
        Command::Clean(_) => clean::run(session),
        Command::Debug => debug::run(session),
        Command::Init(args) => init::run(session, args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            args::write_completions(args.shell, &mut script);
            Ok(write_plain(session, &script))
        }
        Command::Man(args) => {
            let mut page = Vec::new();
            match args::write_man_page(args.command.as_deref(), &mut page) {
                Ok(()) => Ok(write_plain(session, &page)),
                Err(error) => Err(session.fail(Diagnostic::error("unknown-command", error.to_string()))),
            }
        }
    };
    match result {
        Ok(exit) | Err(Stopped(exit)) => exit,
    }
}

fn write_plain(session: &mut Session, bytes: &[u8]) -> Exit {
    session.reporter.data(&String::from_utf8_lossy(bytes));
    Exit::Good
}
