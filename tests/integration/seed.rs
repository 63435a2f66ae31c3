//! Seeds: types and values as dbt with dbt-duckdb finds them.
//!
//! The expected types and values of the first tests are what dbt-core 1.11 with dbt-duckdb 1.11 has
//! loaded from these files; the others are files that it rejects, or where we differ, with the reason.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use tidemill::node::Relation;
use tidemill::warehouse::seed::{SeedOptions, infer_seed, seed_sql};
use tidemill::warehouse::{ConnectOptions, Value, Warehouse, duckdb};

const NULL: &str = "\u{2205}";

fn comma() -> SeedOptions {
    SeedOptions { delimiter: ',', column_types: Vec::new() }
}

fn memory() -> Box<dyn Warehouse> {
    duckdb::open(&ConnectOptions {
        path: None,
        read_only: false,
        schema: "main".to_owned(),
        workers: 1,
        settings: Vec::new(),
        extensions: Vec::new(),
        attach: Vec::new(),
        is_offline: false,
        wait: Duration::ZERO,
        secrets: Vec::new(),
        ..ConnectOptions::default()
    })
    .unwrap()
}

/// Infers and loads a file; compares columns (`name type, ...`) and rows.
#[track_caller]
fn check_with(options: &SeedOptions, csv: &str, columns: &str, rows: &[&[&str]]) {
    let folder = tempfile::tempdir().unwrap();
    // A path may hold characters that would otherwise stand for others, or end the text.
    let path = folder.path().join("it's [1] *.csv");
    fs::write(&path, csv).unwrap();
    let relation = Relation::new("memory", "main", "a seed");
    let shape = infer_seed(csv.as_bytes(), options).unwrap();
    let mut warehouse = memory();
    let sql = seed_sql(&relation, &path.display().to_string(), &shape, options);
    let effect = warehouse.execute(&sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    assert_eq!(effect.rows_written, Some(rows.len() as u64), "{csv}");
    let found = warehouse.query(&format!("from {relation}"), None).unwrap();
    let names: Vec<String> = found.columns.iter().map(|it| format!("{} {}", it.name, it.data_type)).collect();
    assert_eq!(names.join(", "), columns, "{csv}");
    let texts: Vec<Vec<String>> = found.rows.iter().map(|row| row.iter().map(text).collect()).collect();
    assert_eq!(texts, rows, "{csv}");
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => NULL.to_owned(),
        Value::Float(it) if it.abs() > 1e16 => format!("{it:e}").replace('e', "e+"),
        other => other.to_string().replace("NaN", "nan"),
    }
}

#[track_caller]
fn check(csv: &str, columns: &str, rows: &[&[&str]]) {
    check_with(&comma(), csv, columns, rows);
}

#[track_caller]
fn check_error(csv: &[u8], line: u64, message: &str) {
    let error = infer_seed(csv, &comma()).unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (line, message));
}

#[test]
fn numbers_are_whole_or_double() {
    check(
        "a,b,c,d,e\n1,007, 5 ,+3,1_000\n-2,8,6,4,2\n",
        "a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER",
        &[&["1", "7", "5", "3", "1000"], &["-2", "8", "6", "4", "2"]],
    );
    check(
        "a,b,c,d,e\n1.5,1.0,1e3,.5,5.\n2,2.0,2,1,1\n",
        "a DOUBLE, b INTEGER, c INTEGER, d DOUBLE, e INTEGER",
        &[&["1.5", "1", "1000", "0.5", "5"], &["2.0", "2", "2", "1.0", "1"]],
    );
    check("a\n1.0\n2.00\n", "a INTEGER", &[&["1"], &["2"]]);
    check("a\n1.00\n2.5\n", "a DOUBLE", &[&["1.0"], &["2.5"]]);
    check("a\nnan\n1.5\n", "a DOUBLE", &[&["nan"], &["1.5"]]);
    check("a\ninf\n1.5\n", "a DOUBLE", &[&["inf"], &["1.5"]]);
    check("a\n123456789012345678901234567890\n", "a DOUBLE", &[&["1.2345678901234568e+29"]]);
    check(
        "a,b\n1.23456789012345678901234567890,99999999999999.99\n",
        "a DOUBLE, b DOUBLE",
        &[&["1.2345678901234567", "99999999999999.98"]],
    );
    check("a\n-0\n0\n", "a INTEGER", &[&["0"], &["0"]]);
    check("a\n1_0\n2_0\n", "a INTEGER", &[&["10"], &["20"]]);
    check("zip\n01234\n00501\n", "zip INTEGER", &[&["1234"], &["501"]]);
    check("a\n2024\n2023\n", "a INTEGER", &[&["2024"], &["2023"]]);
}

#[test]
fn truth_values_are_the_two_words() {
    check(
        "a,b,c,d,e\ntrue,True,TRUE,t,yes\nfalse,False,FALSE,f,no\n",
        "a BOOLEAN, b BOOLEAN, c BOOLEAN, d VARCHAR, e VARCHAR",
        &[&["true", "true", "true", "t", "yes"], &["false", "false", "false", "f", "no"]],
    );
    check("a,b\n1,true\n0,\n", "a INTEGER, b BOOLEAN", &[&["1", "true"], &["0", NULL]]);
    check("a\ntrue\n1\n", "a VARCHAR", &[&["true"], &["1"]]);
}

#[test]
fn dates_are_iso_dates() {
    check(
        "a,b,c,d\n2024-01-01,2024-1-1,01/02/2024,20240101\n2024-12-31,2024-2-29,03/04/2024,20240102\n",
        "a DATE, b DATE, c VARCHAR, d INTEGER",
        &[
            &["2024-01-01", "2024-01-01", "01/02/2024", "20240101"],
            &["2024-12-31", "2024-02-29", "03/04/2024", "20240102"],
        ],
    );
    check("a\n0001-01-01\n9999-12-31\n", "a DATE", &[&["0001-01-01"], &["9999-12-31"]]);
}

#[test]
fn timestamps_have_one_format_in_a_column() {
    check(
        "a,b,c,d,e\n2024-01-01 10:00:00,2024-01-01T10:00:00,2024-01-01T10:00:00Z,2024-01-01 10:00,2024-01-01 10:00:00.5\n2024-01-01 11:00:00,2024-01-01T11:00:00,2024-01-01T11:00:00+02:00,2024-01-01 11:00,2024-01-01 11:00:00.25\n",
        "a TIMESTAMP, b TIMESTAMP, c TIMESTAMP, d VARCHAR, e VARCHAR",
        &[
            &[
                "2024-01-01 10:00:00",
                "2024-01-01 10:00:00",
                "2024-01-01 10:00:00",
                "2024-01-01 10:00",
                "2024-01-01 10:00:00.5",
            ],
            &[
                "2024-01-01 11:00:00",
                "2024-01-01 11:00:00",
                "2024-01-01 11:00:00",
                "2024-01-01 11:00",
                "2024-01-01 11:00:00.25",
            ],
        ],
    );
    check(
        "a,b\n2024-01-01,2024-01-01T10:00:00\n2024-01-01 10:00:00,2024-01-01\n",
        "a VARCHAR, b VARCHAR",
        &[&["2024-01-01", "2024-01-01T10:00:00"], &["2024-01-01 10:00:00", "2024-01-01"]],
    );
    check(
        "a\n2024-01-01T10:00:00+02:00\n2024-01-01T10:00:00+02:00\n",
        "a TIMESTAMP",
        &[&["2024-01-01 10:00:00"], &["2024-01-01 10:00:00"]],
    );
    check(
        "a\n2024-01-01 10:00:00+02\n2024-01-01 10:00:00+02\n",
        "a VARCHAR",
        &[&["2024-01-01 10:00:00+02"], &["2024-01-01 10:00:00+02"]],
    );
    check("a\n10:00:00\n11:00:00\n", "a VARCHAR", &[&["10:00:00"], &["11:00:00"]]);
}

#[test]
fn empty_values_are_null() {
    check(
        "i,f,t,b,d,s\n1,1.5,x,true,2024-01-01,2024-01-01 10:00:00\n,,,,,\n",
        "i INTEGER, f DOUBLE, t VARCHAR, b BOOLEAN, d DATE, s TIMESTAMP",
        &[
            &["1", "1.5", "x", "true", "2024-01-01", "2024-01-01 10:00:00"],
            &[NULL, NULL, NULL, NULL, NULL, NULL],
        ],
    );
    check("a,b\n,x\n,y\n", "a INTEGER, b VARCHAR", &[&[NULL, "x"], &[NULL, "y"]]);
    check("a,b\n\"\",x\ny,\"\"\n", "a VARCHAR, b VARCHAR", &[&[NULL, "x"], &["y", NULL]]);
    check("t,u\nnull,x\ny,NULL\n", "t VARCHAR, u VARCHAR", &[&["null", "x"], &["y", "NULL"]]);
    check("a,b\n", "a INTEGER, b INTEGER", &[]);
    check("a,b", "a INTEGER, b INTEGER", &[]);
    check("a,b\n1,x\n\n2,y\n\n", "a INTEGER, b VARCHAR", &[&["1", "x"], &["2", "y"]]);
    check("a\n1\n\n2\n", "a INTEGER", &[&["1"], &[NULL], &["2"]]);
}

#[test]
fn quotes_and_line_breaks_are_read_as_csv() {
    check(
        "a,b\n\"x, y\",\"line1\nline2\"\n\"he said \"\"hi\"\"\",z\n",
        "a VARCHAR, b VARCHAR",
        &[&["x, y", "line1\nline2"], &["he said \"hi\"", "z"]],
    );
    check("a\n\"1\"\n\"2\"\n", "a INTEGER", &[&["1"], &["2"]]);
    check("a,b\nx\"y,1\nz,2\n", "a VARCHAR, b INTEGER", &[&["x\"y", "1"], &["z", "2"]]);
    check("a,b\nx\\,y\n\"q\\\",z\n", "a VARCHAR, b VARCHAR", &[&["x\\", "y"], &["q\\", "z"]]);
    check("a,b\r\n1,x\r\n2,y\r\n", "a INTEGER, b VARCHAR", &[&["1", "x"], &["2", "y"]]);
    check("a,b\n1,x\n2,y", "a INTEGER, b VARCHAR", &[&["1", "x"], &["2", "y"]]);
    check("a\n\"{\"\"k\"\": [1, 2]}\"\n", "a VARCHAR", &[&["{\"k\": [1, 2]}"]]);
    check("a\nx\ny\n", "a VARCHAR", &[&["x"], &["y"]]);
    check("a,b\n# c,x\n1,y\n", "a VARCHAR, b VARCHAR", &[&["# c", "x"], &["1", "y"]]);
}

#[test]
fn texts_stay_as_they_are() {
    check("a,b\n x , 1\n y,2 \n", "a VARCHAR, b INTEGER", &[&[" x ", "1"], &[" y", "2"]]);
    check("a,b\n   ,1\nx,2\n", "a VARCHAR, b INTEGER", &[&["   ", "1"], &["x", "2"]]);
    check("p\n+49 170 1\n+1 2\n", "p VARCHAR", &[&["+49 170 1"], &["+1 2"]]);
    check("näme,b\nÅström,日本\n", "näme VARCHAR, b VARCHAR", &[&["Åström", "日本"]]);
    check("a\nx\0y\n", "a VARCHAR", &[&["x\0y"]]);
}

#[test]
fn headers_name_the_columns() {
    check(
        "ID,Customer Name,order,\"a b\"\n1,x,2,y\n",
        "ID INTEGER, Customer Name VARCHAR, order INTEGER, a b VARCHAR",
        &[&["1", "x", "2", "y"]],
    );
    check(" id , name\n1,x\n", " id  INTEGER,  name VARCHAR", &[&["1", "x"]]);
    check("a,a,b\n1,2,3\n", "a INTEGER, a_2 INTEGER, b INTEGER", &[&["1", "2", "3"]]);
    check("a,,b\n1,2,3\n", "a INTEGER, b INTEGER, b_2 INTEGER", &[&["1", "2", "3"]]);
    check("\u{feff}a,b\n1,x\n", "a INTEGER, b VARCHAR", &[&["1", "x"]]);
    check("\u{feff}\"a\",\"b\"\n1,x\n", "a INTEGER, b VARCHAR", &[&["1", "x"]]);
}
#[test]
fn the_delimiter_can_be_chosen() {
    let with = |delimiter| SeedOptions { delimiter, ..comma() };
    check_with(&with(';'), "a;b\n1;x,y\n", "a INTEGER, b VARCHAR", &[&["1", "x,y"]]);
    check_with(&with('\t'), "a\tb\n1\tx\n", "a INTEGER, b VARCHAR", &[&["1", "x"]]);
    let error = infer_seed(&b"a\n"[..], &with('→')).unwrap_err();
    assert_eq!(error.message, "the delimiter `→` is not a single ASCII character");
}

#[test]
fn given_types_win_by_the_exact_name() {
    let with = |types: &[(&str, &str)]| SeedOptions {
        column_types: types.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect(),
        ..comma()
    };
    check_with(
        &with(&[("zip", "varchar(5)"), ("amount", "decimal(10,2)")]),
        "id,zip,amount\n1,01234,1.50\n2,00501,2\n",
        "id INTEGER, zip VARCHAR, amount DECIMAL(10,2)",
        &[&["1", "01234", "1.50"], &["2", "00501", "2.00"]],
    );
    check_with(
        &with(&[("zip", "varchar")]),
        "ID,Zip\n1,01234\n",
        "ID INTEGER, Zip INTEGER",
        &[&["1", "1234"]],
    );
    check_with(
        &with(&[("a", "varchar"), ("b", "bigint"), ("c", "int[]"), ("d", "enum('it''s', 'x')")]),
        "a,b,c,d\nnull,1,\"[1, 2]\",it's\n,2,,x\n",
        "a VARCHAR, b BIGINT, c INTEGER[], d ENUM('it''s', 'x')",
        &[&["null", "1", "[1, 2]", "it's"], &[NULL, "2", NULL, "x"]],
    );
}

/// dbt infers a 32-bit integer for these and then fails to load them.
#[test]
fn whole_numbers_get_the_type_that_holds_them() {
    check("a,b\n3000000000,1\n1,2\n", "a BIGINT, b INTEGER", &[&["3000000000", "1"], &["1", "2"]]);
    check("a\n-2147483648\n2147483647\n", "a INTEGER", &[&["-2147483648"], &["2147483647"]]);
    check("a\n9223372036854775808\n", "a HUGEINT", &[&["9223372036854775808"]]);
    check("a,b\n1,NaN\n2,Infinity\n", "a INTEGER, b DOUBLE", &[&["1", "nan"], &["2", "inf"]]);
}

/// dbt takes these for null to find the type, and then fails to load them.
#[test]
fn the_word_null_and_blanks_are_null_where_the_column_is_no_text() {
    check("i,j\nnull,1\n1,2\n", "i INTEGER, j INTEGER", &[&[NULL, "1"], &["1", "2"]]);
    check("b\nNULL\n true \n", "b BOOLEAN", &[&[NULL], &["true"]]);
    check("d\nNull\n2024-01-01\n", "d DATE", &[&[NULL], &["2024-01-01"]]);
    check("t\nnull\n2024-01-01T10:00:00\n", "t TIMESTAMP", &[&[NULL], &["2024-01-01 10:00:00"]]);
    check("a,b\n   ,1\n5,2\n", "a INTEGER, b INTEGER", &[&[NULL, "1"], &["5", "2"]]);
    check("a,b\nnull,x\nnull,y\n", "a INTEGER, b VARCHAR", &[&[NULL, "x"], &[NULL, "y"]]);
}

/// dbt takes these for numbers or timestamps to find the type, and then fails to load them.
#[test]
fn what_the_engine_cannot_convert_stays_text() {
    check("a,b\n$5,10%\n6,20\n", "a VARCHAR, b VARCHAR", &[&["$5", "10%"], &["6", "20"]]);
    check("a\n\"1,000\"\n2\n", "a VARCHAR", &[&["1,000"], &["2"]]);
    check("a\n２\n", "a VARCHAR", &[&["２"]]);
    check(
        "a,b\n2024-W01-1T10:00:00,2024-01-01T10\n",
        "a VARCHAR, b VARCHAR",
        &[&["2024-W01-1T10:00:00", "2024-01-01T10"]],
    );
}

/// dbt-duckdb lets the engine guess, from the values, that single quotes are the file's quotes.
#[test]
fn single_quotes_belong_to_the_value() {
    check("a,b\n'x','y'\n", "a VARCHAR, b VARCHAR", &[&["'x'", "'y'"]]);
}

#[test]
fn lines_of_the_wrong_length_are_errors_with_their_line() {
    check_error(b"a,b,c\n1,2,3\n1,2\n", 3, "2 values for 3 columns");
    check_error(b"a,b\n\"x\ny\",1\n\n1,2,3\n", 5, "3 values for 2 columns");
    check_error(b"a,b\r\n1,2\r\n1,2,\r\n", 3, "3 values for 2 columns");
    check_error(b"a,b\r\n\r\n\"x\r\ny\",2\r\n1", 5, "1 value for 2 columns");
    check_error(b"a,b\n1,2\n1", 3, "1 value for 2 columns");
    check_error(b"a,b\n\"x,1\nz,2\n", 2, "1 value for 2 columns");
}

#[test]
fn files_without_meaning_are_errors() {
    check_error(b"", 1, "the file is empty; a seed begins with a header");
    check_error(b"\na,b\n1,2\n", 1, "the first line is empty; a seed begins with a header");
    check_error(b"\n\n", 1, "the first line is empty; a seed begins with a header");
    check_error(b"a\nx\n\xc5\n", 3, "the text is not UTF-8: there is a byte 0xc5");
    check_error(b"a,b\n1,\"x\ny\xe9\"\n", 3, "the text is not UTF-8: there is a byte 0xe9");
    let mixed = "some lines end with a carriage return and some do not";
    check_error(b"a,b\n1,\"x\r\ny\"\n2,y\r\n", 4, mixed);
    check_error(b"a\r\n1\n2\r\n", 2, mixed);
    check_error(b"\xc5\n1\n", 1, "the text is not UTF-8: there is a byte 0xc5");
    check_error(b"id,Name,name\n1,2,3\n", 1, "columns `Name` and `name` differ only in the case of letters");
}

#[test]
fn a_fraction_in_a_column_of_whole_numbers_is_a_fault() {
    let options = |kind: &str| SeedOptions {
        delimiter: ',',
        column_types: vec![("price".to_owned(), kind.to_owned())],
    };
    let csv = "price,name\n95.0,a\n95.50,b\n";
    let error = infer_seed(csv.as_bytes(), &options("INTEGER")).unwrap_err();
    assert_eq!(
        (error.line, error.message.as_str()),
        (3, "`95.50` is no whole number, and the column `price` has only such")
    );
    // Where the type has places, or the value is whole however it is written, all is well.
    assert!(infer_seed(csv.as_bytes(), &options("decimal(9, 2)")).is_ok());
    check_with(&options("bigint"), "price\n95.0\n1e2\n", "price BIGINT", &[&["95"], &["100"]]);
}
