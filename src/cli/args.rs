//! What can be typed: commands and flags, under dbt's names where dbt has them.
//!
//! In: arguments and environment variables. Out: [`Cli`], in which a global flag is what the command line
//! says, else what the environment says, else `None`, so that the project file may decide.
//! Deliberately absent: what the commands do, and what a selector or `--vars` text means.

pub mod command;
mod help;
pub mod rows;

use std::ffi::OsString;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};

use crate::cli::args::command::Command;
use crate::cli::environment::{self, BadVariable, Environment};
use crate::diagnostics::suggest;
use crate::project::publish::{PUBLISH_MODES, PublishMode};
use crate::report::files::ReportFormat;
use crate::report::{Color, Format, Verbosity};

/// Version of program and engine; the engine's is the one that `build.rs` pins.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (DuckDB v1.5.5)");

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cli {
    /// Flags of every command.
    pub globals: Globals,
    /// The command with its own flags.
    pub command: Command,
    /// The command's name.
    pub name: String,
}

/// Flags of every command, from command line and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    /// `--project-dir`.
    pub project_dir: Option<PathBuf>,
    /// `--profiles-dir`.
    pub profiles_dir: Option<PathBuf>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--target`.
    pub target: Option<String>,
    /// `--target-path`.
    pub target_path: Option<PathBuf>,
    /// `--vars`, as typed: a YAML mapping.
    pub vars: Option<String>,
    /// `--threads`.
    pub threads: Option<NonZeroUsize>,
    /// `--fail-fast`.
    pub fail_fast: Option<bool>,
    /// `--wait`.
    pub wait: Option<Duration>,
    /// `--quiet`.
    pub quiet: Option<bool>,
    /// `--debug`.
    pub debug: Option<bool>,
    /// `--offline`.
    pub offline: Option<bool>,
    /// `--version-check`.
    pub version_check: Option<bool>,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
    /// `--use-colors`.
    pub use_colors: Option<bool>,
    /// `--printer-width`.
    pub width: Option<usize>,
    /// `--publish`.
    pub publish: Option<PublishMode>,
    /// `--plain`.
    pub plain: Option<bool>,
    /// `--report`, in the order given.
    pub reports: Vec<ReportFile>,
    /// `--annotations`.
    pub annotations: Option<bool>,
}

/// A file to write a report to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// What is in it.
    pub format: ReportFormat,
    /// Where it is, from the working folder.
    pub path: PathBuf,
}

impl Globals {
    /// How much to report; quiet wins over debug.
    pub fn verbosity(&self) -> Verbosity {
        match (self.quiet.unwrap_or(false), self.debug.unwrap_or(false)) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Debug,
            (false, false) => Verbosity::Normal,
        }
    }

    /// When to use colour.
    pub fn color(&self) -> Color {
        match self.use_colors {
            Some(true) => Color::Always,
            Some(false) => Color::Never,
            None => Color::Auto,
        }
    }

    /// Who reads the report.
    pub fn format(&self) -> Format {
        match self.log_format.unwrap_or(LogFormat::Text) {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        }
    }
}

/// Reads the arguments (program name first) and the environment.
///
/// An error is also how clap asks for help or version to be shown; it knows its own exit status.
pub fn read(args: impl IntoIterator<Item = OsString>, variables: &Environment) -> Result<Cli, clap::Error> {
    let matches = definition().try_get_matches_from(args)?;
    let line = Line::from_arg_matches(&matches)?;
    let name = matches.subcommand_name().unwrap_or_default().to_owned();
    let mut cli = Cli { globals: line.globals.resolved(), command: line.command, name };
    match cli.take_from_environment(variables) {
        Ok(()) => Ok(cli),
        Err(BadVariable(message)) => Err(definition().error(ErrorKind::ValueValidation, message)),
    }
}

/// Writes the script that completes commands and flags in a shell.
pub fn write_completions(shell: clap_complete::Shell, out: &mut dyn Write) {
    clap_complete::generate(shell, &mut definition(), "tidemill", &mut &mut *out);
}

/// Writes the manual page of the program, or of one command.
pub fn write_man_page(command: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let mut program = definition();
    program.build();
    let page = match command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("there is no command `{name}`"))
        })?,
    };
    clap_mangen::Man::new(page).render(out)
}

impl Cli {
    fn take_from_environment(&mut self, variables: &Environment) -> Result<(), BadVariable> {
        let path = |flag| environment::text(variables, flag).map(PathBuf::from);
        let globals = &mut self.globals;
        globals.project_dir = globals.project_dir.take().or_else(|| path("PROJECT_DIR"));
        globals.profiles_dir = globals.profiles_dir.take().or_else(|| path("PROFILES_DIR"));
        globals.target_path = globals.target_path.take().or_else(|| path("TARGET_PATH"));
        globals.profile = globals.profile.take().or_else(|| environment::text(variables, "PROFILE"));
        globals.target = globals.target.take().or_else(|| environment::text(variables, "TARGET"));
        globals.vars = globals.vars.take().or_else(|| environment::text(variables, "VARS"));
        globals.threads = globals.threads.or(environment::number(variables, "THREADS")?);
        globals.fail_fast = globals.fail_fast.or(environment::switch(variables, "FAIL_FAST")?);
        globals.wait = globals.wait.or(environment::parsed(variables, "WAIT", parse_duration)?);
        globals.quiet = globals.quiet.or(environment::switch(variables, "QUIET")?);
        globals.debug = globals.debug.or(environment::switch(variables, "DEBUG")?);
        globals.offline = globals.offline.or(environment::switch(variables, "OFFLINE")?);
        globals.version_check = globals.version_check.or(environment::switch(variables, "VERSION_CHECK")?);
        globals.use_colors = globals.use_colors.or(environment::switch(variables, "USE_COLORS")?);
        globals.width = globals.width.or(environment::number(variables, "PRINTER_WIDTH")?);
        globals.plain = globals.plain.or(environment::switch(variables, "PLAIN")?);
        globals.publish = globals.publish.or(environment::parsed(variables, "PUBLISH", parse_publish)?);
        let log_format = |text: &str| LogFormat::from_str(text, true);
        globals.log_format = globals.log_format.or(environment::parsed(variables, "LOG_FORMAT", log_format)?);
        if let Command::Build(args) = &mut self.command {
            args.no_check |= environment::switch(variables, "NO_CHECK")?.unwrap_or(false);
        }
        if let Some(store_failures) = self.command.store_failures_mut() {
            *store_failures |= environment::switch(variables, "STORE_FAILURES")?.unwrap_or(false);
        }
        if let Some(full_refresh) = self.command.full_refresh_mut() {
            *full_refresh |= environment::switch(variables, "FULL_REFRESH")?.unwrap_or(false);
        }
        if let Some(empty) = self.command.empty_mut() {
            let is_wanted = environment::switch(variables, "EMPTY")?.unwrap_or(false);
            empty.empty |= is_wanted && !empty.no_empty;
        }
        if let Some(rows) = self.command.rows_mut() {
            rows.sample = rows.sample.or(environment::parsed(variables, "SAMPLE", rows::parse_sample)?);
        }
        if let Some(window) = self.command.window_mut() {
            let moment = |flag| environment::parsed(variables, flag, command::parse_moment);
            window.event_time_start = window.event_time_start.or(moment("EVENT_TIME_START")?);
            window.event_time_end = window.event_time_end.or(moment("EVENT_TIME_END")?);
            window.check().map_err(BadVariable)?;
        }
        Ok(())
    }
}

/// The command line as clap reads it.
#[derive(Debug, Parser)]
#[command(
    name = "tidemill",
    version = VERSION,
    about = help::ABOUT,
    long_about = help::LONG_ABOUT,
    after_help = help::EXAMPLES,
    after_long_help = help::MORE,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false
)]
struct Line {
    #[command(flatten)]
    globals: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

/// Global flags as they are typed: a switch is two flags of which the later wins.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag; resolved into options at once")]
struct GlobalArgs {
    /// Folder with the project file [default: this folder or the nearest above it]
    #[arg(long, global = true, value_name = "DIR")]
    project_dir: Option<PathBuf>,
    /// Folder with profiles.yml [default: the project's folder, then ~/.dbt]
    #[arg(long, global = true, value_name = "DIR")]
    profiles_dir: Option<PathBuf>,
    /// Profile to use instead of the project's
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Target (connection) to use instead of the default one
    #[arg(long, short, global = true, value_name = "NAME")]
    target: Option<String>,
    /// Folder for compiled SQL and artifacts [default: target]
    #[arg(long, global = true, value_name = "DIR")]
    target_path: Option<PathBuf>,
    /// Variables over those of the project, as YAML or JSON: '{start: 2026-01-01}'
    #[arg(long, global = true, value_name = "YAML")]
    vars: Option<String>,
    /// How many nodes to work on at the same time
    #[arg(long, global = true, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Start nothing new after the first failure
    #[arg(long, short = 'x', global = true, overrides_with = "no_fail_fast")]
    fail_fast: bool,
    #[arg(long, global = true, hide = true, overrides_with = "fail_fast")]
    no_fail_fast: bool,
    /// How long to wait for a database that another process holds: 60s, 5m
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_duration)]
    wait: Option<Duration>,
    /// Report only failures
    #[arg(long, short, global = true, overrides_with = "no_quiet")]
    quiet: bool,
    #[arg(long, global = true, hide = true, overrides_with = "quiet")]
    no_quiet: bool,
    /// Report every statement too
    #[arg(long, short, global = true, overrides_with = "no_debug")]
    debug: bool,
    #[arg(long, global = true, hide = true, overrides_with = "debug")]
    no_debug: bool,
    /// Open no connection to other machines
    #[arg(long, global = true, overrides_with = "no_offline")]
    offline: bool,
    #[arg(long, global = true, hide = true, overrides_with = "offline")]
    no_offline: bool,
    /// Take projects and packages whose `require-dbt-version` is not met
    #[arg(long, global = true, overrides_with = "version_check")]
    no_version_check: bool,
    #[arg(long, global = true, hide = true, overrides_with = "no_version_check")]
    version_check: bool,
    /// Report as text for people, or as one JSON object a line for programs
    #[arg(long, global = true, value_name = "FORMAT", ignore_case = true)]
    log_format: Option<LogFormat>,
    /// Use colour even where no terminal is
    #[arg(long, global = true, overrides_with = "no_use_colors")]
    use_colors: bool,
    /// Use no colour
    #[arg(long, visible_alias = "no-color", global = true, overrides_with = "use_colors")]
    no_use_colors: bool,
    /// Write ASCII only, without colour and without a live area
    #[arg(long, global = true, overrides_with = "no_plain")]
    plain: bool,
    #[arg(long, global = true, hide = true, overrides_with = "plain")]
    no_plain: bool,
    /// Columns of the report [default: the terminal's]
    #[arg(long, global = true, value_name = "N")]
    printer_width: Option<usize>,
    /// What readers see change at once: one `model`, or all of the `run`
    #[arg(long, global = true, value_name = "MODE", value_parser = parse_publish)]
    publish: Option<PublishMode>,
    /// Write a report for a CI system too: junit, json, markdown, sarif or gitlab; may be repeated
    #[arg(long, global = true, value_name = "FORMAT=FILE", value_parser = parse_report_file)]
    report: Vec<ReportFile>,
    /// Write annotations for GitHub Actions [default: only there]
    #[arg(long, global = true, overrides_with = "no_annotations")]
    annotations: bool,
    #[arg(long, global = true, hide = true, overrides_with = "annotations")]
    no_annotations: bool,
}

impl GlobalArgs {
    fn resolved(self) -> Globals {
        let switch = |on: bool, off: bool| if on || off { Some(on) } else { None };
        Globals {
            project_dir: self.project_dir,
            profiles_dir: self.profiles_dir,
            profile: self.profile,
            target: self.target,
            target_path: self.target_path,
            vars: self.vars,
            threads: self.threads,
            fail_fast: switch(self.fail_fast, self.no_fail_fast),
            wait: self.wait,
            quiet: switch(self.quiet, self.no_quiet),
            debug: switch(self.debug, self.no_debug),
            offline: switch(self.offline, self.no_offline),
            version_check: switch(self.version_check, self.no_version_check),
            log_format: self.log_format,
            use_colors: switch(self.use_colors, self.no_use_colors),
            width: self.printer_width,
            publish: self.publish,
            reports: self.report,
            annotations: switch(self.annotations, self.no_annotations),
            plain: switch(self.plain, self.no_plain),
        }
    }
}

/// Format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[value(alias = "default", alias = "debug", help = "for people")]
    Text,
    /// For programs.
    #[value(help = "for programs: see the manual's page on events")]
    Json,
}

/// All that can be typed, dbt's flags without effect included.
fn definition() -> clap::Command {
    Line::command().args(help::WITHOUT_EFFECT.iter().map(|name| no_effect(name, ArgAction::SetTrue))).args(
        help::WITHOUT_EFFECT_VALUED.iter().map(|name| no_effect(name, ArgAction::Append).value_name("VALUE")),
    )
}

fn no_effect(name: &'static str, action: ArgAction) -> Arg {
    Arg::new(name)
        .long(name)
        .global(true)
        .hide(true)
        .action(action)
        .help("Accepted for compatibility; no effect")
}

/// `junit=FILE`.
fn parse_report_file(text: &str) -> Result<ReportFile, String> {
    let names = ReportFormat::ALL.map(|(name, _)| name);
    let (name, path) = text.split_once('=').ok_or_else(|| {
        format!("`{text}` is no FORMAT=FILE such as `junit=report.xml` (formats: {})", names.join(", "))
    })?;
    let format = ReportFormat::ALL.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|it| it.1);
    let format = format.ok_or_else(|| {
        let meant =
            suggest::did_you_mean(name, names).unwrap_or_else(|| format!("formats: {}", names.join(", ")));
        format!("there is no report format `{name}` ({meant})")
    })?;
    if path.is_empty() {
        return Err(format!("the file is missing: `{name}=FILE`"));
    }
    Ok(ReportFile { format, path: PathBuf::from(path) })
}

/// `model` or `run`.
fn parse_publish(text: &str) -> Result<PublishMode, String> {
    let mode = PUBLISH_MODES.iter().find(|it| it.0 == text).map(|it| it.1);
    mode.ok_or_else(|| format!("`{text}` is neither `model` nor `run`"))
}

/// `90`, `60s`, `500ms`, `5m`, `1h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let advice = || format!("`{text}` is not a duration such as `60s`, `5m` or `1h`");
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| advice())?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(advice()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(advice)
}

#[cfg(test)]
mod tests;
