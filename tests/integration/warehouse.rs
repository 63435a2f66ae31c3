//! The warehouse trait against the real engine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tidemill::node::{Relation, RelationKind};
use tidemill::warehouse::profile::{OperatorKind, Scan};
use tidemill::warehouse::{
    Attachment, CatalogEntry, Column, ConnectOptions, ErrorKind, Extension, Value, Warehouse, WarehouseError,
    duckdb,
};

fn options(path: Option<&Path>) -> ConnectOptions {
    ConnectOptions {
        path: path.map(Path::to_path_buf),
        read_only: false,
        schema: "main".to_owned(),
        workers: 4,
        settings: Vec::new(),
        extensions: Vec::new(),
        attach: Vec::new(),
        is_offline: false,
        wait: Duration::ZERO,
        secrets: Vec::new(),
        ..ConnectOptions::default()
    }
}

fn extension(name: &str) -> Extension {
    Extension { name: name.to_owned(), repository: None }
}

/// A connection to a database in memory.
pub(crate) fn memory() -> Box<dyn Warehouse> {
    duckdb::open(&options(None)).unwrap()
}

fn at(path: &Path) -> Box<dyn Warehouse> {
    duckdb::open(&options(Some(path))).unwrap()
}

#[track_caller]
fn open_error(options: &ConnectOptions) -> WarehouseError {
    match duckdb::open(options) {
        Ok(_) => panic!("it opens"),
        Err(error) => error,
    }
}

/// Runs SQL with a `|` where the error's position is expected.
#[track_caller]
fn check_error(marked: &str, kind: &ErrorKind, message: &str) {
    let mut warehouse = memory();
    warehouse.execute("create table orders as select 1 as id, 'abc' as name").unwrap();
    let position = marked.find('|');
    let sql = marked.replacen('|', "", 1);
    let error = warehouse.execute(&sql).unwrap_err();
    assert_eq!((&error.kind, error.position), (kind, position), "{}", error.message);
    assert!(error.message.starts_with(message), "{}", error.message);
    // The same through `query`, which puts other text around it.
    if sql.starts_with("select") {
        let error = warehouse.query(&sql, Some(10)).unwrap_err();
        assert_eq!((&error.kind, error.position), (kind, position), "{}", error.message);
    }
}

#[track_caller]
fn query(warehouse: &mut dyn Warehouse, sql: &str) -> Vec<Vec<Value>> {
    warehouse.query(sql, None).unwrap().rows
}

#[track_caller]
fn number(warehouse: &mut dyn Warehouse, sql: &str) -> i64 {
    query(warehouse, sql)[0][0].as_i64().unwrap()
}

fn text(it: &str) -> Value {
    Value::Text(it.to_owned())
}

#[test]
fn positions_are_byte_offsets_in_the_statement() {
    let sql = ErrorKind::Sql;
    check_error("select |nope from orders", &sql, "Referenced column \"nope\" not found");
    check_error("select\n\t'é→𝄞', |nope\nfrom orders", &sql, "Referenced column \"nope\" not found");
    check_error("select * from |nosuch", &sql, "Table with name nosuch does not exist!");
    check_error("|selec 1", &sql, "syntax error at or near \"selec\"");
    check_error("select 1 from|", &sql, "syntax error at end of input");
    check_error("select |cast('éx' as int)", &sql, "Could not convert string 'éx' to INT32");
    check_error("select name|::int from orders", &sql, "Could not convert string 'abc' to INT32");
    check_error("select |no_such_function(1)", &sql, "Scalar Function with name no_such_function");
    check_error("select id |+ name from orders", &sql, "");
    check_error("select |'unterminated", &sql, "unterminated quoted string");
}

#[test]
fn positions_count_from_the_start_of_many_statements() {
    let sql = ErrorKind::Sql;
    check_error("create table a as select 'é' x;\nselect |nope from a", &sql, "Referenced column");
    check_error("select 1; |selec 2", &sql, "syntax error");
    check_error("create table t as (\n\tselect 'éé', |nope\n from orders\n)", &sql, "Referenced column");
    check_error("create view v as (\n  select * from |gone.x)", &sql, "Table with name \"gone.x\"");
}

#[test]
fn a_further_connection_gives_positions_too() {
    let mut other = memory().connect().unwrap();
    let error = other.execute("create table t as (\nselect nope from range(3)\n)").unwrap_err();
    assert_eq!(error.position, Some(27));
}

#[test]
fn some_errors_have_no_position() {
    let sql = ErrorKind::Sql;
    check_error("select error('boom')", &sql, "boom");
    check_error("select 9223372036854775807::bigint + 1::bigint", &sql, "Overflow in addition of INT64");
    check_error("insert into orders values (1)", &sql, "table orders has 2 columns but 1 values");
    check_error("copy orders to '/no/such/folder/x.csv'", &sql, "Cannot open file");
    check_error("select 1 as a|\0b", &sql, "the statement contains a NUL character");
}

#[test]
fn a_position_inside_a_view_is_not_taken_for_one_in_the_statement() {
    let mut warehouse = memory();
    warehouse
        .execute(
            "create table raw as select 'x' as v; create view bad as select 1 as one, v::date as day from raw",
        )
        .unwrap();
    let error = warehouse.query("select day, one, one, one, one, one, one from bad", None).unwrap_err();
    assert_eq!(error.position, None, "{}", error.message);
    let error = warehouse.query("select day from bad", None).unwrap_err();
    assert_eq!(error.position, None, "{}", error.message);
}

#[test]
fn a_long_message_is_cut() {
    let error = memory().query("select 'a' + 1 + 'b'::varchar", None).unwrap_err();
    assert!(error.message.lines().count() <= 7, "{}", error.message);
}

#[test]
fn secrets_are_not_in_messages() {
    let mut options = options(None);
    options.secrets = vec!["s3cr3t".to_owned()];
    let mut warehouse = duckdb::open(&options).unwrap();
    let error = warehouse.execute("select error('password=hunter2 and s3cr3t')").unwrap_err();
    assert_eq!(error.message, "password=*** and ***");
    let error = warehouse.execute("select * from 'pg://me:hunter2@host/s3cr3t.csv'").unwrap_err();
    assert!(!error.message.contains("hunter2") && !error.message.contains("s3cr3t"), "{}", error.message);
}

#[test]
fn a_statement_says_how_many_rows_it_wrote_and_read() {
    let mut warehouse = memory();
    let mut check = |sql: &str, written: Option<u64>, scanned: Option<u64>| {
        let effect = warehouse.execute(sql).unwrap();
        assert_eq!((effect.rows_written, effect.rows_scanned), (written, scanned), "{sql}");
    };
    check(
        "create table raw as select i, i % 100 as customer_id, i::varchar as name from range(500000) t(i)",
        Some(500_000),
        Some(0),
    );
    check("create table t as select customer_id, sum(i) from raw group by 1", Some(100), Some(500_000));
    check("create or replace table t as select i from raw where name like '%77'", Some(5000), Some(500_000));
    check("create or replace table t as select count(*) as n from raw", Some(1), Some(500_000));
    check(
        "create or replace table t as select a.i from raw a join raw b on a.i = b.i and a.name = b.name",
        Some(500_000),
        Some(1_000_000),
    );
    check("insert into t select i from raw limit 10", Some(10), Some(2048));
    check("delete from t where i < 0", Some(0), Some(0));
    check("update t set i = i", Some(500_010), Some(500_010));
    check("create view v as select * from raw", None, None);
    check("create table empty (i int); insert into empty values (1), (2)", Some(2), None);
    check("begin", None, None);
    check("commit", None, None);
    check("", None, None);
    check("-- nothing\n", None, None);
}

#[test]
fn rows_of_files_are_counted_as_they_leave_the_scan() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut warehouse = memory();
    let mut check = |sql: &str, written: Option<u64>, scanned: Option<u64>| {
        let effect = warehouse.execute(sql).unwrap();
        assert_eq!((effect.rows_written, effect.rows_scanned), (written, scanned), "{sql}");
    };
    let (csv, parquet) = (file("raw.csv"), file("raw.parquet"));
    check(&format!("copy (from range(50000) t(i)) to '{csv}'"), Some(50_000), Some(0));
    check(&format!("copy (from range(50000) t(i)) to '{parquet}'"), Some(50_000), Some(0));
    check(&format!("create table a as select sum(i) as i from '{csv}'"), Some(1), Some(50_000));
    check(&format!("create table b as select sum(i) as i from '{parquet}'"), Some(1), Some(50_000));
    check(&format!("create table c as select i from '{parquet}' where i < 10"), Some(10), Some(10));
}

#[test]
fn a_further_connection_counts_rows_too() {
    let mut first = memory();
    first.execute("create table raw as select * from range(1000) t(i)").unwrap();
    let others: Vec<_> = (0..4).map(|_| first.connect().unwrap()).collect();
    thread::scope(|scope| {
        for (n, mut other) in others.into_iter().enumerate() {
            scope.spawn(move || {
                let effect = other.execute(&format!("create table t{n} as select i from raw")).unwrap();
                assert_eq!((effect.rows_written, effect.rows_scanned), (Some(1000), Some(1000)));
            });
        }
    });
}

#[test]
fn every_type_comes_over() {
    let mut warehouse = memory();
    let rows = warehouse
        .query(
            "select 1::tinyint as a, -170141183460469231731687303715884105727::hugeint as a, \
             340282366920938463463374607431768211455::uhugeint, 12.30::decimal(5, 2) as d, 0.1::float, 0.1::double, \
             'nan'::double as n, true, null as nothing, '' as \"empty text\", date '2024-02-29', time '10:00:00.5', \
             timestamp '2024-01-01 00:00:00', '2024-01-01 10:00:00+00'::timestamptz at time zone 'Europe/Berlin', \
             timestamp_ns '2024-01-01 00:00:00.123456789', timestamp_s '2024-01-01 00:00:00', interval '1 month 2 days', \
             'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 'ab\\x00'::blob, 'b'::enum('a', 'b'), [1, null], \
             {'x': 1, 'y': ['z']}, map {'k': 1.5}, '{\"a\": [1]}'::json, '0101'::bit, 18446744073709551615::ubigint, \
             union_value(num := 2), [1, 2]::int[2]",
            None,
        )
        .unwrap();
    let expected: &[(&str, Value)] = &[
        ("TINYINT", Value::Int(1)),
        ("HUGEINT", Value::Int(-170_141_183_460_469_231_731_687_303_715_884_105_727)),
        ("UHUGEINT", text("340282366920938463463374607431768211455")),
        ("DECIMAL(5,2)", text("12.30")),
        ("FLOAT", Value::Float(0.1)),
        ("DOUBLE", Value::Float(0.1)),
        ("DOUBLE", Value::Float(f64::NAN)),
        ("BOOLEAN", Value::Bool(true)),
        ("INTEGER", Value::Null),
        ("VARCHAR", text("")),
        ("DATE", text("2024-02-29")),
        ("TIME", text("10:00:00.5")),
        ("TIMESTAMP", text("2024-01-01 00:00:00")),
        ("TIMESTAMP", text("2024-01-01 11:00:00")),
        ("TIMESTAMP_NS", text("2024-01-01 00:00:00.123456789")),
        ("TIMESTAMP_S", text("2024-01-01 00:00:00")),
        ("INTERVAL", text("1 month 2 days")),
        ("UUID", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("BLOB", text("ab\\x00")),
        ("ENUM('a', 'b')", text("b")),
        ("INTEGER[]", text("[1, NULL]")),
        ("STRUCT(x INTEGER, y VARCHAR[])", text("{'x': 1, 'y': [z]}")),
        ("MAP(VARCHAR, DECIMAL(2,1))", text("{k=1.5}")),
        ("JSON", text("{\"a\": [1]}")),
        ("BIT", text("0101")),
        ("UBIGINT", Value::Int(18_446_744_073_709_551_615)),
        ("UNION(num INTEGER)", text("2")),
        ("INTEGER[2]", text("[1, 2]")),
    ];
    let types: Vec<&str> = rows.columns.iter().map(|it| it.data_type.as_str()).collect();
    assert_eq!(types, expected.iter().map(|it| it.0).collect::<Vec<_>>());
    for (value, (name, expected)) in rows.rows[0].iter().zip(expected) {
        // Not a number is not equal to itself.
        assert_eq!(format!("{value:?}"), format!("{expected:?}"), "{name}");
    }
    let names: Vec<&str> = rows.columns.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((names[0], names[1], names[9]), ("a", "a", "empty text"));
}

#[test]
fn a_limit_keeps_order_and_meaning() {
    let mut warehouse = memory();
    let mut check = |sql: &str, expected: &[i128]| {
        let rows = warehouse.query(sql, Some(2)).unwrap().rows;
        let expected: Vec<_> = expected.iter().map(|it| vec![Value::Int(*it)]).collect();
        assert_eq!(rows, expected, "{sql}");
    };
    check("select i from range(5) t(i) order by i desc", &[4, 3]);
    check("with q as (select 7 as i) select i from q -- comment", &[7]);
    check("select 1 union all select 1 union all select 2", &[1, 1]);
    check("from range(5) limit 1", &[0]);
    check("select 3; -- done\n;", &[3]);
    check("values (1), (2), (3)", &[1, 2]);
}

#[test]
fn statements_that_are_no_select_can_be_queried() {
    let mut warehouse = memory();
    warehouse.execute("create table t (id int)").unwrap();
    assert_eq!(query(&mut *warehouse, "show tables"), [[text("t")]]);
    assert_eq!(query(&mut *warehouse, "pragma table_info('t')")[0][1], text("id"));
    let inserted = warehouse.query("insert into t values (1), (2) returning id", Some(1)).unwrap();
    assert_eq!(inserted.rows, [[Value::Int(1)]]);
    warehouse
        .execute("create table u (d date, t timestamp, n decimal(5, 2), b boolean, f double, l int[])")
        .unwrap();
    let inserted = warehouse
        .query(
            "/* all */ insert into u values ('2024-02-29', '2024-02-29 10:00:00.5', 1.5, true, 0.1, [1, 2]), \
             (null, null, null, null, null, null) returning *",
            None,
        )
        .unwrap();
    let texts: Vec<Vec<String>> =
        inserted.rows.iter().map(|row| row.iter().map(Value::to_string).collect()).collect();
    assert_eq!(
        texts,
        [vec!["2024-02-29", "2024-02-29 10:00:00.500", "1.50", "true", "0.1", "[1, 2]"], vec!["NULL"; 6]]
    );
    assert_eq!(query(&mut *warehouse, "checkpoint"), Vec::<Vec<Value>>::new());
    assert_eq!(number(&mut *warehouse, "select count(*) from t"), 2);
}

#[test]
fn describing_runs_nothing() {
    let mut warehouse = memory();
    warehouse.execute("create table t as select 1 as id, 2.5 as price").unwrap();
    let columns = warehouse.describe("select id, price, id as \"Id 2\" from t -- all").unwrap();
    let expected = [("id", "INTEGER"), ("price", "DECIMAL(2,1)"), ("Id 2", "INTEGER")]
        .map(|(name, data_type)| Column { name: name.to_owned(), data_type: data_type.to_owned() });
    assert_eq!(columns, expected);
    let error = warehouse.describe("select 1; drop table t").unwrap_err();
    assert_eq!((error.kind, error.position), (ErrorKind::Sql, Some(8)));
    let error = warehouse.describe("select id from").unwrap_err();
    assert_eq!((error.message.as_str(), error.position), ("syntax error at end of input", Some(14)));
    let error = warehouse.describe("drop table t").unwrap_err();
    assert_eq!(error.message, "a query is expected here, such as `select ...`");
    let error = warehouse.describe("drop table t; selec 1").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Sql);
    let error = warehouse.describe("selec 1").unwrap_err();
    assert_eq!((error.message.as_str(), error.position), ("syntax error at or near \"selec\"", Some(0)));
    assert_eq!(number(&mut *warehouse, "select count(*) from t"), 1);
}

#[test]
fn the_catalog_lists_tables_and_views_of_all_databases() {
    let folder = tempfile::tempdir().unwrap();
    at(&folder.path().join("other.duckdb")).execute("create table far as select 1 as i").unwrap();
    let mut options = options(Some(&folder.path().join("shop.duckdb")));
    options.attach = vec![Attachment {
        path: folder.path().join("other.duckdb").display().to_string(),
        alias: Some("else where".to_owned()),
        read_only: true,
        ..Attachment::default()
    }];
    let mut warehouse = duckdb::open(&options).unwrap();
    warehouse
        .execute(
            "create schema tidemill; create table tidemill.runs (i int); create table t as from range(3) r(i);
             create view v as select i from t; create table gone (i int); create view broken as from gone;
             drop table gone; create temp table hidden (i int)",
        )
        .unwrap();
    let entry = |database: &str, schema: &str, name: &str, rows: Option<u64>| CatalogEntry {
        relation: Relation::new(database, schema, name),
        kind: if rows.is_some() { RelationKind::Table } else { RelationKind::View },
        estimated_rows: rows,
    };
    let own = [
        entry("shop", "main", "broken", None),
        entry("shop", "main", "t", Some(3)),
        entry("shop", "main", "v", None),
        entry("shop", "tidemill", "runs", Some(0)),
    ];
    assert_eq!(warehouse.catalog(&["shop".to_owned()]).unwrap(), own);
    let all = warehouse.catalog(&[]).unwrap();
    assert_eq!(all[0], entry("else where", "main", "far", Some(1)));
    assert_eq!(all[1..], own);
    assert_eq!(warehouse.database(), "shop");
}

#[test]
fn names_resolve_to_the_schema_of_the_target_on_every_connection() {
    let mut options = options(None);
    options.schema = "dev \"x\"".to_owned();
    let mut warehouse = duckdb::open(&options).unwrap();
    warehouse.execute("create table main.old as select 1 as i; create table t as select 2 as i").unwrap();
    let mut other = warehouse.connect().unwrap();
    assert_eq!(number(&mut *other, "select i from \"dev \"\"x\"\"\".t"), 2);
    assert_eq!(number(&mut *other, "select i from t"), 2);
    assert_eq!(number(&mut *other, "select i from old"), 1);
}

#[test]
fn a_setting_of_a_connection_holds_on_all_of_them() {
    let mut options = options(None);
    options.settings = vec![
        ("threads".to_owned(), "1".to_owned()),
        ("memory_limit".to_owned(), "1GiB".to_owned()),
        ("order_by_non_integer_literal".to_owned(), "true".to_owned()),
    ];
    let mut warehouse = duckdb::open(&options).unwrap();
    let mut other = warehouse.connect().unwrap();
    for it in [&mut warehouse, &mut other] {
        assert_eq!(
            query(
                &mut **it,
                "select current_setting('threads'), current_setting('memory_limit'), \
                 current_setting('order_by_non_integer_literal')"
            ),
            [[Value::Int(1), text("1.0 GiB"), Value::Bool(true)]]
        );
    }
    options.settings = vec![("no_such".to_owned(), "1".to_owned())];
    let error = open_error(&options);
    assert!(error.message.starts_with("setting `no_such`: unrecognized configuration parameter"), "{error}");
    options.settings = vec![("threads".to_owned(), "many".to_owned())];
    let error = open_error(&options);
    assert!(error.message.starts_with("setting `threads`: "), "{error}");
}

#[test]
fn limits_are_set_and_nothing_is_fetched_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    let mut warehouse = at(&path);
    let settings = query(
        &mut *warehouse,
        "select current_setting('temp_directory'), current_setting('autoinstall_known_extensions'), \
         current_setting('threads') >= 1",
    );
    let spill = format!("{}.tmp", path.display());
    assert_eq!(settings, [[Value::Text(spill), Value::Bool(false), Value::Bool(true)]]);
}

#[test]
fn an_extension_that_is_missing_says_what_to_do() {
    let mut options = options(None);
    options.extensions = ["json", "icu"].map(extension).into();
    duckdb::open(&options).unwrap();
    options.extensions = vec![extension("/no/such/file.duckdb_extension")];
    let error = open_error(&options);
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("the extension cannot be loaded: "), "{error}");
}

#[test]
fn time_zones_work_without_a_network() {
    let mut warehouse = memory();
    let rows = query(
        &mut *warehouse,
        "select current_date is not null, (now() at time zone 'Europe/Berlin') is not null, \
         date_trunc('day', '2024-07-01 23:30:00+00'::timestamptz at time zone 'Europe/Berlin'), \
         date_trunc('month', now()) <= now(), now() - interval 1 day < now()",
    );
    let yes = Value::Bool(true);
    assert_eq!(rows, [[yes.clone(), yes.clone(), text("2024-07-02 00:00:00"), yes.clone(), yes]]);
}

#[test]
fn a_dropped_connection_rolls_back() {
    let mut warehouse = memory();
    let mut other = warehouse.connect().unwrap();
    other.begin().unwrap();
    other.execute("create table t as select 1 as i").unwrap();
    drop(other);
    assert_eq!(warehouse.catalog(&[]).unwrap(), []);
    warehouse.rollback();
    warehouse.begin().unwrap();
    warehouse.execute("create table t as select 1 as i").unwrap();
    warehouse.rollback();
    assert_eq!(warehouse.catalog(&[]).unwrap(), []);
    assert!(warehouse.commit().is_err());
}

#[test]
fn a_statement_can_be_interrupted_from_another_thread() {
    let mut warehouse = memory();
    let interrupt = warehouse.interrupt_handle();
    // Interrupting an idle connection does not harm its next statement.
    interrupt.interrupt();
    assert_eq!(number(&mut *warehouse, "select 1"), 1);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                interrupt.interrupt();
                thread::yield_now();
            }
        });
        let sql = "create table t as select count(*) as n from range(10000000) a, range(10000000) b where a.range % 7 = b.range % 11";
        let error = warehouse.execute(sql).unwrap_err();
        done.store(true, Ordering::Relaxed);
        assert_eq!(error.kind, ErrorKind::Interrupted, "{error}");
    });
    assert_eq!(number(&mut *warehouse, "select 1"), 1);
}

#[test]
fn transactions_of_many_threads_fail_only_with_conflicts() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let mut first = at(&folder.path().join("a.duckdb"));
    first.execute("create table history (thread int, round int)").unwrap();
    let others: Vec<_> = (0..THREADS).map(|_| first.connect().unwrap()).collect();
    let round = |warehouse: &mut dyn Warehouse, thread: usize, round: usize| {
        warehouse.begin()?;
        warehouse.execute(&format!("create or replace table t{thread} as select {round} as round"))?;
        warehouse.execute(&format!("insert into history values ({thread}, {round})"))?;
        if round.is_multiple_of(5) { Ok(false) } else { warehouse.commit().map(|()| true) }
    };
    let committed: usize = thread::scope(|scope| {
        let workers: Vec<_> = others
            .into_iter()
            .enumerate()
            .map(|(thread, mut warehouse)| {
                scope.spawn(move || {
                    let mut committed = 0;
                    for n in 0..ROUNDS {
                        loop {
                            match round(&mut *warehouse, thread, n) {
                                Ok(true) => committed += 1,
                                Ok(false) => warehouse.rollback(),
                                Err(error) => {
                                    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
                                    warehouse.rollback();
                                    continue;
                                }
                            }
                            break;
                        }
                    }
                    committed
                })
            })
            .collect();
        workers.into_iter().map(|it| it.join().unwrap()).sum()
    });
    assert_eq!(committed, THREADS * ROUNDS * 4 / 5);
    assert_eq!(number(&mut *first, "select count(*) from history"), 640);
    assert_eq!(number(&mut *first, "select count(*) from history where round % 5 = 0"), 0);
    for thread in 0..THREADS {
        assert_eq!(number(&mut *first, &format!("select round from t{thread}")), 99);
    }
}

#[test]
fn no_checkpoint_is_taken_while_a_transaction_writes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.duckdb");
    let mut warehouse = at(&path);
    warehouse.execute("create table t as select 1 as id").expect("a table");
    let mut other = warehouse.connect().expect("a connection");
    warehouse.begin().expect("a transaction");
    warehouse.hold_checkpoints().expect("no fault");
    // The engine itself would allow it beside a transaction that only inserts.
    warehouse.execute("insert into t values (2)").expect("a row");
    let error = other.execute("checkpoint").expect_err("the transaction holds it off");
    assert!(error.message.contains("other write transactions"), "{error}");
    warehouse.commit().expect("it can be committed");
    other.execute("checkpoint").expect("nothing holds it off any more");
    assert_eq!(number(&mut *other, "select count(*) from t"), 2);
}

#[test]
fn the_same_table_replaced_twice_is_a_conflict() {
    let mut one = memory();
    let mut two = one.connect().unwrap();
    one.begin().unwrap();
    two.begin().unwrap();
    one.execute("create or replace table t as select 1 as i").unwrap();
    let error = two.execute("create or replace table t as select 2 as i").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
    two.rollback();
    one.commit().unwrap();
    assert_eq!(number(&mut *two, "select i from t"), 1);
}

#[test]
fn memory_that_runs_out_is_told_from_other_errors() {
    let mut options = options(None);
    options.settings = [("memory_limit", "20MB"), ("threads", "2"), ("temp_directory", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let mut warehouse = duckdb::open(&options).unwrap();
    let error = warehouse
        .execute("create table t as select i, md5(i::varchar) as m from range(3000000) t(i) order by m")
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfMemory, "{error}");
    assert_eq!(error.message.lines().count(), 1, "{error}");
    assert_eq!(number(&mut *warehouse, "select 1"), 1);
}

#[test]
fn what_does_not_fit_is_spilled_beside_the_database_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    let spill = folder.path().join("a.duckdb.tmp");
    fs::create_dir(&spill).unwrap();
    fs::write(spill.join("duckdb_temp_storage_DEFAULT-0.tmp"), "left by a killed process").unwrap();
    let mut options = options(Some(&path));
    options.settings =
        vec![("memory_limit".to_owned(), "40MB".to_owned()), ("threads".to_owned(), "1".to_owned())];
    let mut warehouse = duckdb::open(&options).unwrap();
    assert!(!spill.exists());
    warehouse
        .execute("create table t as select i, md5(i::varchar) as m from range(1000000) t(i) order by m")
        .unwrap();
    drop(warehouse);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["a.duckdb"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_from_other_errors() {
    let error = memory().execute("copy (from range(100000)) to '/dev/full' (format csv)").unwrap_err();
    assert_eq!(error.kind, ErrorKind::DiskFull, "{error}");
}

#[track_caller]
fn check_open(path: &Path, read_only: bool, kind: &ErrorKind, message: &str) {
    let error = open_error(&ConnectOptions { read_only, ..options(Some(path)) });
    assert_eq!(&error.kind, kind, "{error}");
    assert!(error.message.contains(message), "{error}");
}

#[test]
fn files_that_cannot_be_opened_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let unavailable = ErrorKind::Unavailable;
    check_open(&file("gone.duckdb"), true, &unavailable, "database does not exist");
    check_open(&file("no/such/folder.duckdb"), false, &unavailable, "No such file or directory");
    check_open(folder.path(), false, &unavailable, "is a folder, not a database file");
    fs::write(file("garbage"), "select 1;".repeat(2000)).unwrap();
    check_open(&file("garbage"), false, &ErrorKind::Corrupt, "not a valid DuckDB database file");
    fs::write(file("empty"), "").unwrap();
    check_open(&file("empty"), true, &ErrorKind::Corrupt, "not a valid DuckDB database file");
}

/// The engine's checksum of a block whose length is a multiple of eight.
fn checksum(block: &[u8]) -> u64 {
    let words = block.chunks_exact(8).map(|it| u64::from_le_bytes(it.try_into().unwrap()));
    words.fold(5381, |sum, word| sum ^ word.wrapping_mul(0xbf58_476d_1ce4_e5b9))
}

#[test]
fn damaged_and_newer_files_are_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    at(&file("good"))
        .execute("create table t as select i, md5(i::varchar) as m from range(20000) t(i)")
        .unwrap();
    let good = fs::read(file("good")).unwrap();

    let mut newer = good.clone();
    newer[12..20].copy_from_slice(&999_u64.to_le_bytes());
    let sum = checksum(&newer[8..4096]);
    newer[..8].copy_from_slice(&sum.to_le_bytes());
    fs::write(file("newer"), newer).unwrap();
    check_open(&file("newer"), false, &ErrorKind::Corrupt, "version number");

    let mut damaged = good.clone();
    damaged[5000..12000].fill(7);
    fs::write(file("damaged"), damaged).unwrap();
    check_open(&file("damaged"), true, &ErrorKind::Corrupt, "checksum");

    fs::write(file("cut"), &good[..20000]).unwrap();
    let error =
        duckdb::open(&options(Some(&file("cut")))).and_then(|mut it| it.query("from t", None).map(drop));
    assert_eq!(error.unwrap_err().kind, ErrorKind::Corrupt);
}

#[test]
fn a_read_only_database_is_shared_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    at(&path).execute("create table t as select 1 as i").unwrap();
    let options = ConnectOptions { read_only: true, schema: "not_there".to_owned(), ..options(Some(&path)) };
    let mut one = duckdb::open(&options).unwrap();
    let mut two = duckdb::open(&options).unwrap();
    assert_eq!(number(&mut *one, "select i from t"), 1);
    assert_eq!(number(&mut *two, "select i from t"), 1);
    let error = one.execute("create table u (i int)").unwrap_err();
    assert!(error.message.contains("read-only"), "{error}");
}

/// Names the database file that this test program, started once more, holds until its input ends.
const HOLD: &str = "TIDEMILL_TEST_HOLD";

#[test]
#[expect(clippy::print_stdout, reason = "tells the other process")]
fn holds_a_file_for_the_test_below() {
    let Some(path) = std::env::var_os(HOLD) else { return };
    let _held = at(Path::new(&path));
    // The test harness may have written part of a line already.
    println!("\nholding");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_file_that_another_process_holds_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "warehouse::holds_a_file_for_the_test_below", "--nocapture"])
        .env(HOLD, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|it| it.unwrap() == "holding"));

    let error = open_error(&options(Some(&path)));
    let ErrorKind::Locked { holder: Some(name) } = &error.kind else { panic!("{error:?}") };
    assert!(name.ends_with(&format!("(PID {})", holder.id())), "{name}");
    assert!(
        error.message.contains("Could not set lock on file") && !error.message.contains("http"),
        "{error}"
    );

    // The holder lets go as soon as waiting has begun.
    let mut waited = 0;
    let mut input = holder.stdin.take();
    let options = ConnectOptions { wait: Duration::from_mins(1), ..options(Some(&path)) };
    let mut warehouse = duckdb::open_with(&options, &mut |_| {
        waited += 1;
        if let Some(mut input) = input.take() {
            input.flush().unwrap();
        }
        true
    })
    .unwrap();
    assert_eq!((waited > 0, number(&mut *warehouse, "select 1")), (true, 1));
    assert!(holder.wait().unwrap().success());
}

#[test]
fn a_query_that_is_measured_gives_its_steps_and_leaves_the_connection_as_it_was() {
    let mut warehouse = memory();
    warehouse
        .execute("create table sales as select i as id, i % 10 as day from range(1000) as t(i)")
        .unwrap();
    let sql = "select day, count(*) as n from sales where id >= 500 group by day -- the end";
    let profile = warehouse.profile(sql).unwrap().unwrap();
    assert_eq!((profile.root.rows, profile.spilled), (10, 0));
    assert!(profile.elapsed > Duration::ZERO);
    let steps = profile.root.walk();
    let scan = steps.iter().find_map(|it| match &it.kind {
        OperatorKind::Scan(scan) => Some((scan.clone(), it.rows)),
        _ => None,
    });
    let expected = Scan {
        of: "memory.main.sales".to_owned(),
        is_table: true,
        columns: vec!["day".to_owned()],
        filters: vec!["id>=500".to_owned()],
        looked_at: 1000,
    };
    assert_eq!(scan, Some((expected, 500)));
    let groups = steps.iter().find_map(|it| match &it.kind {
        OperatorKind::Aggregate { groups } => Some(groups.clone()),
        _ => None,
    });
    assert_eq!(groups, Some(vec!["day".to_owned()]), "numbers of columns are their names again");
    let effect = warehouse.execute("create table copy as from sales").unwrap();
    assert_eq!((effect.rows_written, effect.rows_scanned), (Some(1000), Some(1000)));
}

#[test]
fn a_query_that_cannot_be_measured_says_where_or_nothing() {
    let mut warehouse = memory();
    let error = warehouse.profile("select 1 as id,\n    amount").unwrap_err();
    assert_eq!((error.kind, error.position), (ErrorKind::Sql, Some(20)));
    warehouse.execute("create table sales as select 1 as id, 2 as day").unwrap();
    assert_eq!(warehouse.profile("pivot sales on day using sum(id)"), Ok(None));
    let effect = warehouse.execute("create table copy as from sales").unwrap();
    assert_eq!(effect.rows_scanned, Some(1));
}
