//! What the command line takes and refuses.

use clap::error::ErrorKind;

use super::*;
use crate::cli::args::command::{Limit, RunArgs, ShowOutput};
use crate::node::NodeKind;

fn variables(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Reads a command line without variables.
#[track_caller]
fn typed(line: &str) -> Cli {
    typed_with(line, &[])
}

#[track_caller]
fn typed_with(line: &str, pairs: &[(&str, &str)]) -> Cli {
    let args = std::iter::once("tidemill").chain(line.split_whitespace()).map(OsString::from);
    read(args, &variables(pairs)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(line: &str, pairs: &[(&str, &str)]) -> clap::Error {
    let args = std::iter::once("tidemill").chain(line.split_whitespace()).map(OsString::from);
    read(args, &variables(pairs)).expect_err("the line is refused")
}

#[test]
fn the_definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn the_version_names_the_engine_that_the_build_pins() {
    let error = refused("--version", &[]);
    assert_eq!(error.to_string(), "tidemill 0.1.0 (DuckDB v1.5.5)\n");
    assert!(include_str!("../../../build.rs").contains(r#"const ENGINE: &str = "1.5.5";"#));
}

#[test]
fn global_flags_go_before_and_after_the_command() {
    for line in
        ["-t prod -q --threads 8 build", "build -t prod -q --threads 8", "-q build --threads 8 -t prod"]
    {
        let globals = typed(line).globals;
        assert_eq!(globals.target.as_deref(), Some("prod"), "{line}");
        assert_eq!(globals.quiet, Some(true), "{line}");
        assert_eq!(globals.threads.map(NonZeroUsize::get), Some(8), "{line}");
    }
}

#[test]
fn selectors_take_several_values_and_add_up() {
    let cli = typed("build -s a b+ tag:x --exclude c -m d --models @e");
    let Command::Build(args) = cli.command else { panic!("not a build: {cli:?}") };
    assert_eq!(args.selection.select, ["a", "b+", "tag:x", "d", "@e"]);
    assert_eq!(args.selection.exclude, ["c"]);
}

#[test]
fn the_later_of_two_switches_wins() {
    assert_eq!(typed("build -x").globals.fail_fast, Some(true));
    assert_eq!(typed("build -x --no-fail-fast").globals.fail_fast, Some(false));
    assert_eq!(typed("build --no-fail-fast --fail-fast").globals.fail_fast, Some(true));
    assert_eq!(typed("build --no-color").globals.color(), Color::Never);
    assert_eq!(typed("build --no-use-colors --use-colors").globals.color(), Color::Always);
    assert_eq!(typed("build").globals, Globals::default());
}

#[test]
fn the_command_line_wins_over_our_variable_and_that_over_dbts() {
    let pairs =
        [("DBT_TARGET", "dbt"), ("TIDEMILL_TARGET", "ours"), ("DBT_PROFILE", "p"), ("DBT_THREADS", "")];
    let globals = typed_with("build", &pairs).globals;
    assert_eq!(globals.target.as_deref(), Some("ours"));
    assert_eq!(globals.profile.as_deref(), Some("p"));
    assert_eq!(globals.threads, None);
    assert_eq!(typed_with("build -t typed", &pairs).globals.target.as_deref(), Some("typed"));
    let globals = typed_with("build", &[("DBT_TARGET", "dbt"), ("DBT_ENGINE_TARGET", "engine")]).globals;
    assert_eq!(globals.target.as_deref(), Some("engine"));
}

#[test]
fn switches_and_formats_come_from_variables() {
    let pairs = [
        ("DBT_FAIL_FAST", "1"),
        ("DBT_QUIET", "False"),
        ("DBT_LOG_FORMAT", "JSON"),
        ("DBT_USE_COLORS", "no"),
        ("TIDEMILL_WAIT", "5m"),
        ("DBT_FULL_REFRESH", "true"),
    ];
    let cli = typed_with("run", &pairs);
    assert_eq!(cli.globals.fail_fast, Some(true));
    assert_eq!(cli.globals.verbosity(), Verbosity::Normal);
    assert_eq!(cli.globals.format(), Format::Json);
    assert_eq!(cli.globals.color(), Color::Never);
    assert_eq!(cli.globals.wait, Some(Duration::from_mins(5)));
    assert_eq!(cli.command, Command::Run(RunArgs { full_refresh: true, ..RunArgs::default() }));
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    let error = refused("build", &[("DBT_DEBUG", "perhaps")]);
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    let first =
        "error: invalid value 'perhaps' of environment variable DBT_DEBUG: expected `true` or `false`\n";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn show_takes_a_model_a_selector_or_a_query() {
    let show = |line: &str| match typed(line).command {
        Command::Show(args) => args,
        other => panic!("{other:?}"),
    };
    assert_eq!(show("show orders").selector(), Some("orders"));
    assert_eq!(show("show -s orders --limit -1").limit, Limit::All);
    assert_eq!(show("show orders").limit.rows(), Some(5));
    assert_eq!(show("show --inline x --output text").output, ShowOutput::Table);
    assert_eq!(refused("show", &[]).kind(), ErrorKind::MissingRequiredArgument);
    assert_eq!(refused("show orders --inline x", &[]).kind(), ErrorKind::ArgumentConflict);
    assert_eq!(refused("show orders --limit -2", &[]).kind(), ErrorKind::ValueValidation);
}

#[test]
fn kinds_are_included_and_excluded() {
    let kinds = |line: &str| match typed(line).command {
        Command::List(args) => args.kinds,
        other => panic!("{other:?}"),
    };
    let models = kinds("ls --resource-type model seed");
    assert!(models.includes(NodeKind::Model) && !models.includes(NodeKind::Test));
    let no_tests = kinds("list --exclude-resource-types test");
    assert!(no_tests.includes(NodeKind::Model) && !no_tests.includes(NodeKind::Test));
    assert!(kinds("ls --resource-types all").includes(NodeKind::Exposure));
}

#[test]
fn durations_need_a_known_unit() {
    assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
    assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse_duration("1h"), Ok(Duration::from_hours(1)));
    for wrong in ["", "s", "1 m", "-5s", "5 minutes", "99999999999999999999h", "18446744073709551615h"] {
        assert!(parse_duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn flags_that_dbt_users_have_in_scripts_are_accepted() {
    let cli = typed("--no-partial-parse build --log-path logs --no-version-check --log-format default");
    assert_eq!(cli.globals.format(), Format::Text);
}

#[test]
fn nothing_typed_shows_the_help_and_is_an_error() {
    let error = refused("", &[]);
    assert_eq!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("tidemill build -s +orders"));
    assert_eq!(refused("--help", &[]).exit_code(), 0);
}

#[test]
fn misspelt_commands_and_flags_are_guessed() {
    let text = refused("biuld", &[]).to_string();
    assert!(text.contains("a similar subcommand exists: 'build'"), "{text}");
    let text = refused("build --full-refesh", &[]).to_string();
    assert!(text.contains("a similar argument exists: '--full-refresh'"), "{text}");
}

#[test]
fn completions_and_manual_pages_are_written() {
    let mut script = Vec::new();
    write_completions(clap_complete::Shell::Bash, &mut script);
    assert!(String::from_utf8(script).expect("a text").contains("_tidemill"));
    let mut page = Vec::new();
    write_man_page(Some("build"), &mut page).expect("memory takes all");
    assert!(String::from_utf8(page).expect("a text").contains("full\\-refresh"));
    assert!(write_man_page(Some("biuld"), &mut Vec::new()).is_err());
}
