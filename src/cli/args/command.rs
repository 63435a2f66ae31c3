//! The commands with their own flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::DateTime;

use crate::batch::{Window, in_utc, parse_time};
use crate::cli::args::rows::{EmptyArgs, RowsArgs};
use crate::cli::args::{help, parse_duration};
use crate::graph::select::Indirect;
use crate::node::NodeKind;

/// The commands.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Load seeds, make models, test each, and publish what passes
    #[command(after_help = help::BUILD)]
    Build(BuildArgs),
    /// Make models without testing them
    #[command(after_help = help::RUN)]
    Run(RunArgs),
    /// Test what is published
    #[command(after_help = help::TEST)]
    Test(TestArgs),
    /// Load seeds
    #[command(after_help = help::SEED)]
    Seed(SeedArgs),
    /// Take snapshots without testing them
    #[command(after_help = help::SNAPSHOT)]
    Snapshot(SnapshotArgs),
    /// Run the last command again for what failed or was skipped
    #[command(after_help = help::RETRY)]
    Retry(RetryArgs),
    /// Put an old version of the database file in the place of the published one
    #[command(after_help = help::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Find wrong columns, types and functions in queries without running any
    #[command(after_help = help::CHECK)]
    Check(CheckArgs),
    /// Find what works today and hurts tomorrow: ids in code, joins without keys, columns nobody reads
    #[command(after_help = help::LINT)]
    Lint(LintArgs),
    /// Tell where a column comes from and what is made of it
    #[command(after_help = help::LINEAGE)]
    Lineage(LineageArgs),
    /// Render every model without running it; SQL goes to target/compiled
    #[command(after_help = help::COMPILE)]
    Compile(CompileArgs),
    /// Read and check the project without rendering SQL
    Parse,
    /// List nodes
    #[command(visible_alias = "ls", after_help = help::LIST)]
    List(ListArgs),
    /// Show rows of a model or of a query
    #[command(after_help = help::SHOW)]
    Show(ShowArgs),
    /// Write the docs site: one file that opens from disk
    #[command(after_help = help::DOCS, args_conflicts_with_subcommands = true)]
    Docs(DocsArgs),
    /// Install the packages that packages.yml lists
    #[command(after_help = help::DEPS)]
    Deps(DepsArgs),
    /// Show what earlier runs came to, of the project, a node or a test
    #[command(after_help = help::HISTORY)]
    History(HistoryArgs),
    /// Measure the queries of models, and say where the pipeline could do less
    #[command(after_help = help::PROFILE)]
    Profile(ProfileArgs),
    /// Write unit tests
    #[command(after_help = help::UNIT_TEST)]
    UnitTest(UnitTestArgs),
    /// Run a macro by itself
    #[command(after_help = help::RUN_OPERATION)]
    RunOperation(RunOperationArgs),
    /// Look at sources: how fresh they are, and which columns they have
    #[command(subcommand)]
    Source(SourceCommand),
    /// Accept a jump that a drift test refused: the next build may publish it
    #[command(after_help = help::ACCEPT)]
    Accept(AcceptArgs),
    /// Delete what the project lists under clean-targets (the target folder by default)
    #[command(after_help = help::CLEAN)]
    Clean(CleanArgs),
    /// Check project, target and connection, and say what was found
    Debug,
    /// Start a project
    #[command(after_help = help::INIT)]
    Init(InitArgs),
    /// Write a script that completes commands and flags in a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write a manual page
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

impl Command {
    pub(super) fn store_failures_mut(&mut self) -> Option<&mut bool> {
        match self {
            Command::Build(args) => Some(&mut args.store_failures),
            Command::Test(args) => Some(&mut args.store_failures),
            _ => None,
        }
    }

    pub(super) fn window_mut(&mut self) -> Option<&mut WindowArgs> {
        match self {
            Command::Build(args) => Some(&mut args.window),
            Command::Run(args) => Some(&mut args.window),
            _ => None,
        }
    }

    pub(super) fn rows_mut(&mut self) -> Option<&mut RowsArgs> {
        match self {
            Command::Build(args) => Some(&mut args.rows),
            Command::Run(args) => Some(&mut args.rows),
            _ => None,
        }
    }

    pub(super) fn empty_mut(&mut self) -> Option<&mut EmptyArgs> {
        match self {
            Command::Build(args) => Some(&mut args.rows.empty),
            Command::Run(args) => Some(&mut args.rows.empty),
            Command::Snapshot(args) => Some(&mut args.empty),
            Command::Compile(args) => Some(&mut args.empty),
            _ => None,
        }
    }

    pub(super) fn full_refresh_mut(&mut self) -> Option<&mut bool> {
        match self {
            Command::Build(args) => Some(&mut args.full_refresh),
            Command::Run(args) => Some(&mut args.full_refresh),
            Command::Seed(args) => Some(&mut args.full_refresh),
            Command::Check(args) => Some(&mut args.full_refresh),
            Command::Profile(args) => Some(&mut args.full_refresh),
            _ => None,
        }
    }
}

/// Which nodes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Nodes to work on; several are added up [default: all]
    #[arg(
        long,
        short,
        short_alias = 'm',
        visible_alias = "models",
        alias = "model",
        num_args = 1..,
        value_name = "SELECTOR"
    )]
    pub select: Vec<String>,
    /// Nodes to leave out
    #[arg(long, num_args = 1.., value_name = "SELECTOR")]
    pub exclude: Vec<String>,
    /// A selector of selectors.yml by its name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["select", "exclude"])]
    pub selector: Option<String>,
    /// Which tests come with the nodes selected
    #[arg(long, value_name = "MODE", ignore_case = true)]
    pub indirect_selection: Option<IndirectSelection>,
    /// Folder with the artifacts of an earlier run, for state: and result:
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// Which tests come with nodes that are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IndirectSelection {
    /// Any that reads one of them.
    #[value(help = "tests that read any of them (the default)")]
    Eager,
    /// Those that read nothing else.
    #[value(help = "tests that read nothing else")]
    Cautious,
    /// Those that read nothing else but what they are made from.
    #[value(help = "tests that read nothing else but what they are made from")]
    Buildable,
    /// None.
    #[value(help = "none but those named")]
    Empty,
}

impl From<IndirectSelection> for Indirect {
    fn from(mode: IndirectSelection) -> Self {
        match mode {
            IndirectSelection::Eager => Indirect::Eager,
            IndirectSelection::Cautious => Indirect::Cautious,
            IndirectSelection::Buildable => Indirect::Buildable,
            IndirectSelection::Empty => Indirect::Empty,
        }
    }
}

/// Which kinds of nodes.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Selection")]
pub struct ResourceTypeArgs {
    /// Only nodes of these kinds
    #[arg(long, alias = "resource-types", num_args = 1.., value_name = "KIND", ignore_case = true)]
    pub resource_type: Vec<ResourceType>,
    /// No nodes of these kinds
    #[arg(long, alias = "exclude-resource-types", num_args = 1.., value_name = "KIND", ignore_case = true)]
    pub exclude_resource_type: Vec<ResourceType>,
}

impl ResourceTypeArgs {
    /// Whether nodes of a kind are wanted.
    pub fn includes(&self, kind: NodeKind) -> bool {
        let names = |types: &[ResourceType]| types.iter().any(|it| it.kind().is_none_or(|it| it == kind));
        (self.resource_type.is_empty() || names(&self.resource_type)) && !names(&self.exclude_resource_type)
    }
}

/// Which batches of microbatch models, instead of the newest.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Batches")]
pub struct WindowArgs {
    /// Make microbatch models from this time on, in UTC: 2026-01-31 or 2026-01-31T12:00:00
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub event_time_start: Option<DateTime>,
    /// Make microbatch models up to this time, in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub event_time_end: Option<DateTime>,
    /// When the batches were first asked for, if it was an earlier command.
    #[arg(skip)]
    pub began_at: Option<DateTime>,
}

impl WindowArgs {
    /// Both or none, and the start before the end.
    pub(super) fn check(&self) -> Result<(), String> {
        match (self.event_time_start, self.event_time_end) {
            (Some(start), Some(end)) if start >= end => {
                Err("--event-time-start must be before --event-time-end".to_owned())
            }
            (Some(_), None) | (None, Some(_)) => {
                Err("--event-time-start and --event-time-end go together".to_owned())
            }
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }

    /// The window; without one, it ends when the command began.
    pub fn window(&self, began_at: &str) -> Window {
        Window {
            start: self.event_time_start,
            end: self.event_time_end.or(self.began_at).or_else(|| in_utc(began_at)).unwrap_or_default(),
        }
    }
}

/// `build`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildArgs {
    /// Make incremental models from scratch, and load seeds that did not change
    #[arg(long, short)]
    pub full_refresh: bool,
    /// Keep the rows that fail tests in tables, unless a test says otherwise
    #[arg(long)]
    pub store_failures: bool,
    /// Begin without the check of all queries, so that what is not at fault is built
    #[arg(long)]
    pub no_check: bool,
    /// How long to wait for sources that are not there, stale or not aligned: 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub wait_for_sources: Option<Duration>,
    /// How tests are run.
    #[command(flatten)]
    pub testing: TestingArgs,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which kinds of nodes.
    #[command(flatten)]
    pub kinds: ResourceTypeArgs,
    /// Which batches.
    #[command(flatten)]
    pub window: WindowArgs,
    /// Which rows.
    #[command(flatten)]
    pub rows: RowsArgs,
}

/// How tests are run.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Tests")]
pub struct TestingArgs {
    /// How many failing rows to show, whatever the tests say; 0 for none
    #[arg(long, value_name = "N")]
    pub sample_rows: Option<usize>,
    /// Say which tests share a query and which do not, and why; run nothing
    #[arg(long)]
    pub explain_tests: bool,
    /// Give every test a query of its own
    #[arg(long)]
    pub no_fuse_tests: bool,
}

/// `accept`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptArgs {
    /// The model, seed, snapshot or source (`source:raw.sales`)
    #[arg(value_name = "NODE")]
    pub node: String,
    /// Only this test of it
    #[arg(long, value_name = "NAME")]
    pub test: Option<String>,
    /// Why the jump is right, for those who read the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `run`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RunArgs {
    /// Make incremental models from scratch
    #[arg(long, short)]
    pub full_refresh: bool,
    /// How long to wait for sources that are not there, stale or not aligned: 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub wait_for_sources: Option<Duration>,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which batches.
    #[command(flatten)]
    pub window: WindowArgs,
    /// Which rows.
    #[command(flatten)]
    pub rows: RowsArgs,
}

/// `test`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct TestArgs {
    /// Keep the rows that fail tests in tables, unless a test says otherwise
    #[arg(long)]
    pub store_failures: bool,
    /// How long to wait for sources that are not there, stale or not aligned: 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub wait_for_sources: Option<Duration>,
    /// How tests are run.
    #[command(flatten)]
    pub testing: TestingArgs,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// `seed`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SeedArgs {
    /// Load seeds that did not change, too
    #[arg(long, short)]
    pub full_refresh: bool,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// `snapshot`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotArgs {
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Whether rows are read.
    #[command(flatten)]
    pub empty: EmptyArgs,
}

/// `retry`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryArgs {
    /// Folder with the artifacts of the run to retry [default: the target folder]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// `rollback`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackArgs {
    /// The version, by its name [default: the newest]
    pub version: Option<String>,
    /// Write the names and sizes of the versions, newest first
    #[arg(long, conflicts_with = "version")]
    pub list: bool,
}

/// `clean`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CleanArgs {
    /// List relations that this project made and no node owns any more, instead of deleting folders
    #[arg(long)]
    pub orphans: bool,
    /// Drop them
    #[arg(long, requires = "orphans")]
    pub drop: bool,
    /// Also those of snapshots, whose history cannot be made again
    #[arg(long, requires = "orphans")]
    pub include_snapshots: bool,
    /// What to write
    #[arg(long, requires = "orphans", value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub output: CleanOutput,
}

/// What `clean --orphans` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CleanOutput {
    /// One line a relation.
    #[value(help = "a line for each relation")]
    Text,
    /// An array of objects.
    #[value(help = "an array of objects")]
    Json,
}

/// `check`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CheckArgs {
    /// Check incremental models as they are made from scratch
    #[arg(long, short)]
    pub full_refresh: bool,
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub output: CheckOutput,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// What `check` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// Faults, and nodes whose columns are not known.
    #[value(help = "faults, and nodes whose columns are not known")]
    Text,
    /// Columns and types.
    #[value(help = "one JSON object with the columns and types of every node")]
    Json,
}

/// `lint`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct LintArgs {
    /// Look for this alone, also if the project turned it off; several are added up
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub rule: Vec<String>,
    /// Fail if there is anything to say at all
    #[arg(long, visible_alias = "warn-error")]
    pub deny_warnings: bool,
    /// List the rules with their levels in this project
    #[arg(long, conflicts_with_all = ["rule", "explain", "deny_warnings"])]
    pub list_rules: bool,
    /// Say what a rule means, with a bad and a good example
    #[arg(long, value_name = "NAME", conflicts_with_all = ["rule", "deny_warnings"])]
    pub explain: Option<String>,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// `lineage`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct LineageArgs {
    /// A column (orders.amount, raw.orders.amount), or a node for all of its columns; without it, all nodes
    #[arg(value_name = "NODE.COLUMN")]
    pub column: Option<String>,
    /// What it comes from
    #[arg(long)]
    pub up: bool,
    /// What is made of it
    #[arg(long)]
    pub down: bool,
    /// Follow columns that only decide on rows, too: filters, join keys, groups
    #[arg(long)]
    pub keys: bool,
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub output: LineageOutput,
}

/// What `lineage` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LineageOutput {
    /// A tree.
    #[value(help = "a tree")]
    Text,
    /// One JSON object.
    #[value(help = "one JSON object with edges")]
    Json,
    /// A Mermaid flowchart.
    #[value(help = "a Mermaid flowchart")]
    Mermaid,
    /// A graph for Graphviz.
    #[value(help = "a graph for Graphviz")]
    Dot,
}

/// `compile`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct CompileArgs {
    /// Write a map beside each compiled file, from its lines to yours, for programs that read compiled SQL
    #[arg(long)]
    pub with_map: bool,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Whether rows are read.
    #[command(flatten)]
    pub empty: EmptyArgs,
}

/// `list`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ListArgs {
    /// What to write for a node
    #[arg(long, value_name = "FORMAT", default_value = "selector", ignore_case = true)]
    pub output: ListOutput,
    /// Keys to write with `--output json`; a dot goes into a key: config.materialized
    #[arg(long, num_args = 1.., value_name = "KEY")]
    pub output_keys: Vec<String>,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Which kinds of nodes.
    #[command(flatten)]
    pub kinds: ResourceTypeArgs,
}

/// `show`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ShowArgs {
    /// Model, seed or source to show
    #[arg(value_name = "MODEL", conflicts_with_all = ["select", "inline"], required_unless_present_any = ["select", "inline"])]
    pub model: Option<String>,
    /// The same as MODEL, as dbt writes it
    #[arg(
        long,
        short,
        short_alias = 'm',
        alias = "models",
        value_name = "SELECTOR",
        conflicts_with = "inline"
    )]
    pub select: Option<String>,
    /// Query to show instead; may use refs and macros
    #[arg(long, value_name = "SQL")]
    pub inline: Option<String>,
    /// How many rows; -1 for all
    #[arg(long, value_name = "N", default_value = "5", allow_hyphen_values = true, value_parser = parse_limit)]
    pub limit: Limit,
    /// How to write them
    #[arg(long, value_name = "FORMAT", default_value = "table", ignore_case = true)]
    pub output: ShowOutput,
}

impl ShowArgs {
    /// The node to show, in whichever way it was given; `None` for `--inline`.
    pub fn selector(&self) -> Option<&str> {
        self.model.as_deref().or(self.select.as_deref())
    }
}

/// `docs`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DocsArgs {
    /// What to do with the site; it is written if nothing is said.
    #[command(subcommand)]
    pub command: Option<DocsCommand>,
    /// How to write it.
    #[command(flatten)]
    pub generate: DocsGenerateArgs,
}

/// What can be done with the docs site.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum DocsCommand {
    /// Write the site (the same as without a word)
    Generate(DocsGenerateArgs),
    /// Write the site and show it to browsers of this machine
    Serve(DocsServeArgs),
    /// Write every column with its type, description and tests
    Dictionary(DocsDictionaryArgs),
}

/// `docs generate`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct DocsGenerateArgs {
    /// Write a page and its data in files beside it, for a web server: large projects load faster
    #[arg(long)]
    pub split: bool,
    /// Do not look into the database: types and history are then those of earlier artifacts
    #[arg(long, alias = "empty-catalog")]
    pub no_database: bool,
    /// Accepted for compatibility: the site always has all of it in one file.
    #[arg(long = "static", hide = true, conflicts_with = "split")]
    pub is_static: bool,
}

/// `docs serve`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DocsServeArgs {
    /// Port of this machine; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value = "8080")]
    pub port: u16,
    /// Accepted for compatibility: no browser is opened.
    #[arg(long, alias = "no-browser", hide = true)]
    pub browser: bool,
    /// How to write the site.
    #[command(flatten)]
    pub generate: DocsGenerateArgs,
}

/// `docs dictionary`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DocsDictionaryArgs {
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "md", ignore_case = true)]
    pub format: DictionaryFormat,
    /// Do not look into the database
    #[arg(long)]
    pub no_database: bool,
}

/// How a data dictionary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DictionaryFormat {
    /// Comma-separated values.
    #[value(help = "for spreadsheets: one line a column")]
    Csv,
    /// Markdown.
    #[value(alias = "markdown", help = "for wikis: one table a relation")]
    Md,
}

/// `deps`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DepsArgs {
    /// Take the newest versions that fit, whatever package-lock.yml says
    #[arg(long)]
    pub upgrade: bool,
    /// Write package-lock.yml and install nothing
    #[arg(long)]
    pub lock: bool,
    /// Add a package to the list first; with a version, except for a folder
    #[arg(long, value_name = "PACKAGE@VERSION")]
    pub add_package: Option<String>,
    /// Where the added package comes from
    #[arg(long, value_name = "SOURCE", default_value = "hub")]
    pub source: PackageOrigin,
}

/// Where a package that is added comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PackageOrigin {
    /// The hub.
    #[value(help = "the hub: dbt-labs/dbt_utils@1.3.0")]
    Hub,
    /// A git repository.
    #[value(help = "a git repository: https://host/org/repo.git@v1.0")]
    Git,
    /// A folder.
    #[value(help = "a folder: ../shared")]
    Local,
}

/// `history`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct HistoryArgs {
    /// Node or test, by its name or its whole id [default: the runs of the project]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Only tests whose results change back and forth
    #[arg(long, conflicts_with = "name")]
    pub flaky: bool,
    /// How many runs, and how many results of each node and test, to look at
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "table", ignore_case = true)]
    pub output: ShowOutput,
}

/// `profile`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ProfileArgs {
    /// Only what earlier runs say: which models take longer or read more than before; run nothing
    #[arg(long)]
    pub history: bool,
    /// Measure incremental models as if they were made from scratch
    #[arg(long, short)]
    pub full_refresh: bool,
    /// How many models, and how many steps of queries, to show: the dearest
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub output: ProfileOutput,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// What `profile` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileOutput {
    /// Tables and sentences.
    #[value(help = "tables and sentences, the dearest first")]
    Text,
    /// Everything that was measured.
    #[value(help = "one JSON object with all that was measured")]
    Json,
}

/// `unit-test`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UnitTestArgs {
    /// What to do
    #[command(subcommand)]
    pub action: UnitTestAction,
}

/// What `unit-test` does.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UnitTestAction {
    /// Write the skeleton of a unit test: inputs with the columns that the model uses, and the rows it makes
    #[command(after_help = help::UNIT_TEST)]
    Scaffold(ScaffoldArgs),
}

/// `unit-test scaffold`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ScaffoldArgs {
    /// The models, by name or by another selector
    #[arg(value_name = "MODEL", required = true, num_args = 1..)]
    pub models: Vec<String>,
    /// A new file to write to [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `run-operation`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct RunOperationArgs {
    /// The macro, as NAME or PACKAGE.NAME
    #[arg(value_name = "MACRO")]
    pub name: String,
    /// Its arguments by name, as YAML or JSON: '{schema: old, days: 30}'
    #[arg(long, value_name = "YAML")]
    pub args: Option<String>,
}

/// `source`.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SourceCommand {
    /// Say how fresh sources are, and write target/sources.json
    #[command(alias = "snapshot-freshness", after_help = help::SOURCE_FRESHNESS)]
    Freshness(SourceFreshnessArgs),
    /// Take the columns that sources have now into sources.lock.yml
    #[command(after_help = help::SOURCE_ACCEPT)]
    Accept(SourceAcceptArgs),
}

/// `source freshness`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFreshnessArgs {
    /// File to write instead of target/sources.json
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long to wait for sources that are not there, stale or not aligned: 30m, 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub wait_for_sources: Option<Duration>,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// `source accept`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceAcceptArgs {
    /// Show what is different and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Which nodes.
    #[command(flatten)]
    pub selection: SelectionArgs,
}

/// `init`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct InitArgs {
    /// Name of the project and of its new folder [default: this folder becomes a project]
    pub name: Option<String>,
}

/// `completions`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ManArgs {
    /// Command to describe [default: the program]
    pub command: Option<String>,
}

/// Kinds of nodes, under dbt's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum ResourceType {
    /// Models.
    Model,
    /// Seeds.
    Seed,
    /// Sources.
    Source,
    /// Snapshots.
    Snapshot,
    /// SQL functions.
    Function,
    /// Data tests.
    Test,
    /// Analyses.
    Analysis,
    /// Exposures.
    Exposure,
    /// Unit tests.
    #[value(alias = "unit_test")]
    UnitTest,
    /// Semantic models.
    #[value(alias = "semantic_model")]
    SemanticModel,
    /// Metrics.
    Metric,
    /// Saved queries.
    #[value(alias = "saved_query")]
    SavedQuery,
    /// All of them.
    #[value(alias = "default")]
    All,
}

impl ResourceType {
    /// The kind, or `None` for all.
    pub fn kind(self) -> Option<NodeKind> {
        match self {
            ResourceType::Model => Some(NodeKind::Model),
            ResourceType::Seed => Some(NodeKind::Seed),
            ResourceType::Source => Some(NodeKind::Source),
            ResourceType::Snapshot => Some(NodeKind::Snapshot),
            ResourceType::Function => Some(NodeKind::Function),
            ResourceType::Test => Some(NodeKind::Test),
            ResourceType::Analysis => Some(NodeKind::Analysis),
            ResourceType::Exposure => Some(NodeKind::Exposure),
            ResourceType::UnitTest => Some(NodeKind::UnitTest),
            ResourceType::SemanticModel => Some(NodeKind::SemanticModel),
            ResourceType::Metric => Some(NodeKind::Metric),
            ResourceType::SavedQuery => Some(NodeKind::SavedQuery),
            ResourceType::All => None,
        }
    }
}

/// What `list` writes for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListOutput {
    /// `shop.marts.orders`.
    #[value(help = "package, folders and name, which can be selected: shop.marts.orders")]
    Selector,
    /// `orders`.
    #[value(help = "the name")]
    Name,
    /// `models/marts/orders.sql`.
    #[value(help = "the file")]
    Path,
    /// One object a line.
    #[value(help = "one JSON object a line")]
    Json,
}

/// How `show` writes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShowOutput {
    /// Aligned, cropped to the terminal.
    #[value(alias = "text", help = "aligned, cropped to the terminal")]
    Table,
    /// An array of objects.
    #[value(help = "an array of objects")]
    Json,
    /// With a header line.
    #[value(help = "with a header line")]
    Csv,
}

/// How many rows `show` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All rows.
    All,
    /// At most so many.
    Rows(usize),
}

impl Limit {
    /// The limit as the warehouse takes it.
    pub fn rows(self) -> Option<usize> {
        match self {
            Limit::All => None,
            Limit::Rows(n) => Some(n),
        }
    }
}

/// A date, or a date and a time.
pub(super) fn parse_moment(text: &str) -> Result<DateTime, String> {
    parse_time(text)
        .ok_or_else(|| format!("`{text}` is not a time such as `2026-01-31` or `2026-01-31T12:00:00`"))
}

/// A number of rows; `-1` is all.
fn parse_limit(text: &str) -> Result<Limit, String> {
    match text {
        "-1" => Ok(Limit::All),
        _ => text
            .parse()
            .map(Limit::Rows)
            .map_err(|_| format!("`{text}` is not a number of rows; -1 stands for all")),
    }
}
