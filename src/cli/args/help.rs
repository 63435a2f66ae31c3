//! Texts of `--help` that are longer than a line.

pub(super) const ABOUT: &str =
    "Makes tables of templated SQL in DuckDB, tests them, and publishes what passes";

pub(super) const LONG_ABOUT: &str = "\
Makes tables of templated SQL in DuckDB, tests them, and publishes what passes.

A project is a folder of SELECT statements that refer to each other with ref(). Tidemill orders them, \
makes each a table or view, runs its tests on the new version, and only then lets readers see it. \
A project written for dbt runs as it is.";

/// Examples for the short and for the long help; a macro, since only literals can be joined.
macro_rules! examples {
    () => {
        "\
Examples:
  tidemill init shop            start a project in the folder shop
  tidemill build                make, test and publish everything
  tidemill build -s +orders     orders and all that it is made from
  tidemill show orders          its first rows
  tidemill list -s tag:daily    what a selector picks
"
    };
}

pub(super) const EXAMPLES: &str = concat!(
    examples!(),
    "\nSee 'tidemill <command> --help' for a command, 'tidemill --help' for selectors and variables."
);

pub(super) const MORE: &str = concat!(
    examples!(),
    "
Selectors, for --select and --exclude:
  orders                        a model, seed, snapshot, source or test by its name
  +orders  orders+  2+orders    with all ancestors, all descendants, two generations of ancestors
  @orders                       with its descendants and all their ancestors
  tag:daily                     by tag
  path:models/marts             by file or folder; so does a plain folder name
  source:raw.sales+             all that reads a source
  config.materialized:table     by a config
  group:finance  access:private by group or access
  state:modified --state DIR    what differs from an earlier run
  'stg_*'                       by a pattern
  a b                           both: a or b
  a,b                           what is in a and in b

Environment variables:
  Each of these flags can be given as TIDEMILL_X or, as dbt names it, DBT_X; the command line wins:
  PROJECT_DIR, PROFILES_DIR, PROFILE, TARGET, TARGET_PATH, VARS, THREADS, FULL_REFRESH, STORE_FAILURES,
  FAIL_FAST, WAIT, QUIET, DEBUG, OFFLINE, VERSION_CHECK, LOG_FORMAT, USE_COLORS, PRINTER_WIDTH.
  NO_COLOR takes colour out; CLICOLOR_FORCE=1 puts it in where no terminal is.

Exit status:
  0 all good, 1 a node or test failed, 2 the command could not run, 3 sources that were waited for are not
  ready, 101 a bug in tidemill, 130 interrupted

Accepted for compatibility; no effect:
  --[no-]partial-parse, --[no-]static-parser, --[no-]use-experimental-parser,
  --[no-]send-anonymous-usage-stats, --[no-]populate-cache, --[no-]cache-selected-only,
  --[no-]introspect, --[no-]log-cache-events, --[no-]use-colors-file, --[no-]show-all-deprecations,
  --log-path, --log-level, --log-level-file, --log-format-file, --record-timing-info"
);

/// dbt's switches that change nothing here.
pub(super) const WITHOUT_EFFECT: &[&str] = &[
    "partial-parse",
    "no-partial-parse",
    "static-parser",
    "no-static-parser",
    "use-experimental-parser",
    "no-use-experimental-parser",
    "send-anonymous-usage-stats",
    "no-send-anonymous-usage-stats",
    "populate-cache",
    "no-populate-cache",
    "cache-selected-only",
    "no-cache-selected-only",
    "introspect",
    "no-introspect",
    "log-cache-events",
    "no-log-cache-events",
    "use-colors-file",
    "no-use-colors-file",
    "show-all-deprecations",
    "no-show-all-deprecations",
];

/// dbt's flags with a value that change nothing here.
pub(super) const WITHOUT_EFFECT_VALUED: &[&str] =
    &["log-path", "log-level", "log-level-file", "log-format-file", "record-timing-info"];

pub(super) const BUILD: &str = "\
Examples:
  tidemill build                           everything
  tidemill build -s orders+                orders and all that depends on it
  tidemill build -s tag:daily --exclude path:models/drafts
  tidemill build --target prod --vars '{start: 2026-01-01}'

A node is made, tested and published in one transaction: if a test fails, readers keep the version \
they have, and what depends on the node is skipped.";

pub(super) const RUN: &str = "\
Examples:
  tidemill run -s stg_orders               one model
  tidemill run -s stg_orders+ -f           with all that depends on it, incremental models from scratch

'tidemill build' does the same and tests each model before readers see it.";

pub(super) const TEST: &str = "\
Examples:
  tidemill test                            all tests
  tidemill test -s orders                  the tests of one model
  tidemill test -s source:raw              the tests of a source";

pub(super) const SEED: &str = "\
Examples:
  tidemill seed                            all seeds
  tidemill seed -s customers               one of them";

pub(super) const SNAPSHOT: &str = "\
Examples:
  tidemill snapshot                        all snapshots
  tidemill snapshot -s orders_snapshot     one of them

'tidemill build' does the same and tests each snapshot before readers see it.";

pub(super) const RETRY: &str = "\
Examples:
  tidemill build ; tidemill retry          what failed or was skipped, once more

It reads run_results.json and takes the flags of that run. A node that is made again is tested with all tests it had.";

pub(super) const ROLLBACK: &str = "\
Examples:
  tidemill rollback                        to the newest version that is kept
  tidemill rollback --list                 names and sizes, newest first
  tidemill rollback 20260131T120000Z       to a version by its name

'publish: {mode: run, keep: 3}' in the project file keeps three versions. The version that is replaced is kept too.";

pub(super) const COMPILE: &str = "\
Examples:
  tidemill compile                         check everything
  tidemill compile -s orders               one model";

pub(super) const CHECK: &str = "\
Examples:
  tidemill check                           all models; the database is not changed
  tidemill check -s +orders                orders and all that it is made from
  tidemill check --output json             columns and types of every node";

pub(super) const LINT: &str = "\
Examples:
  tidemill lint                            the whole project
  tidemill lint -s stg_orders+             one model and what is made of it
  tidemill lint --rule join-fan-out        one rule alone
  tidemill lint --explain join-fan-out     what it means, with examples
  tidemill lint --report sarif=lint.sarif  for code scanning; gitlab, junit, markdown and json too

A comment -- noqa: select-star silences a rule on its line. Levels are set under lint: in project.yml. The \
exit status is 1 if a finding is an error, and 0 if all are warnings; with --deny-warnings 1 as well.";

pub(super) const LINEAGE: &str = "\
Examples:
  tidemill lineage orders.amount           where it comes from, and what is made of it
  tidemill lineage raw.orders.price --down what a change of a source's column touches
  tidemill lineage orders                  all columns of a model, one step up
  tidemill lineage --output json           all columns of all models, for programs
  tidemill lineage orders.amount --output mermaid";

pub(super) const LIST: &str = "\
Examples:
  tidemill list                            all nodes
  tidemill ls -s +orders --resource-type model
  tidemill ls --output json --output-keys name config.materialized";

pub(super) const SHOW: &str = "\
Examples:
  tidemill show orders                     its first 5 rows
  tidemill show orders --limit -1 --output csv > orders.csv
  tidemill show --inline \"select count(*) from {{ ref('orders') }}\"";

pub(super) const DOCS: &str = "\
Examples:
  tidemill docs                           write target/index.html and open it in a browser
  tidemill docs serve                     write it and show it at http://localhost:8080
  tidemill docs --split                   write target/site/ for a web server
  tidemill docs dictionary --format csv   all columns, for a spreadsheet

The database is not needed. If it can be read, row counts, types and the history of runs come from it.
";

pub(super) const HISTORY: &str = "\
Examples:
  tidemill history                         the last runs, and tests whose results change back and forth
  tidemill history orders                  rows, times and results of a node, and of its tests
  tidemill history not_null_orders_id      failures of a test
  tidemill history orders --output csv";

pub(super) const PROFILE: &str = "\
Examples:
  tidemill profile                         all models
  tidemill profile -s +orders              orders and all that it is made from
  tidemill profile --history               what takes longer or reads more than before; runs nothing
  tidemill profile --output json

Every query is run once, and its rows are dropped: the database is opened to read only, nothing is published.";

pub(super) const DEPS: &str = "\
Examples:
  tidemill deps                            install what package-lock.yml says, or lock and install
  tidemill deps --upgrade                  take newer versions
  tidemill deps --add-package dbt-labs/dbt_utils@1.3.0
  tidemill deps --add-package '../shared' --source local
  tidemill deps --offline                  from the cache, folders and files only";

pub(super) const UNIT_TEST: &str = "\
Examples:
  tidemill unit-test scaffold orders                     a test of the model orders, to be filled in
  tidemill unit-test scaffold orders -o models/orders_tests.yml
  tidemill test --select test_type:unit                  run all unit tests, without the database";

pub(super) const RUN_OPERATION: &str = "\
Examples:
  tidemill run-operation vacuum_all
  tidemill run-operation drop_old --args '{schema: scratch, days: 30}'
  tidemill run-operation codegen.generate_source --args '{schema_name: raw}'

What the macro logs with info=true, and what it prints, goes to the terminal. As in dbt, statement() \
begins a transaction that adapter.commit() ends; run_query() outside of one is committed at once.";

pub(super) const SOURCE_FRESHNESS: &str = "\
Examples:
  tidemill source freshness                all sources that say how fresh they have to be
  tidemill source freshness -s source:raw --output freshness.json
  tidemill source freshness --wait-for-sources 30m

The exit status is 1 if a source is older than its error_after or cannot be looked at, 3 if sources were \
waited for and are not ready.";

pub(super) const SOURCE_ACCEPT: &str = "\
Examples:
  tidemill source accept                   all sources
  tidemill source accept -s source:raw.sales
  tidemill source accept --dry-run         show what is different

sources.lock.yml is for the repository. Before a run, every source that is read is compared with it: a column that is \
gone, renamed or of another type stops the models that read it, and what nothing reads is a warning.";

pub(super) const ACCEPT: &str = "\
Examples:
  tidemill accept orders --reason \"the new shop opened\"
  tidemill accept orders --test sum_drift
  tidemill accept source:raw.sales

What the drift tests of the node refused when they were run last becomes what the next build is \
compared with: once, and for that jump only.";

pub(super) const CLEAN: &str = "\
Examples:
  tidemill clean                           delete the target folder, or what clean-targets says
  tidemill clean --orphans                 list tables and views that lost their node; drops nothing
  tidemill clean --orphans --drop          drop them

Only what the history says was made by this project on this target, and what is still as it was made.";

pub(super) const INIT: &str = "\
Examples:
  tidemill init shop                       a new folder with a small project that can be built
  tidemill init                            the same in this folder";

pub(super) const COMPLETIONS: &str = "\
Examples:
  tidemill completions bash > ~/.local/share/bash-completion/completions/tidemill
  tidemill completions zsh > ~/.zfunc/_tidemill";

pub(super) const MAN: &str = "\
Examples:
  tidemill man > tidemill.1
  tidemill man build > tidemill-build.1";
