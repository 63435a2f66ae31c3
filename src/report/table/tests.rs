//! Rows in, tables, CSV and JSON out.

use super::*;

fn rows(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Rows {
    let column = |(name, data_type): &(&str, &str)| Column {
        name: (*name).to_owned(),
        data_type: (*data_type).to_owned(),
    };
    Rows { columns: columns.iter().map(column).collect(), rows }
}

fn text(it: &str) -> Value {
    Value::Text(it.to_owned())
}

fn people() -> Rows {
    rows(
        &[("id", "INTEGER"), ("name", "VARCHAR"), ("amount", "DECIMAL(18,2)"), ("note", "VARCHAR")],
        vec![
            vec![Value::Int(1), text("Ann"), text("12.50"), text("")],
            vec![Value::Int(20), text("漢字"), Value::Null, text("NULL")],
            vec![Value::Int(300), text("two\nlines"), text("7.00"), Value::Null],
        ],
    )
}

#[test]
fn a_table_aligns_numbers_right_and_tells_nulls_from_texts() {
    assert_eq!(
        aligned(&people(), None),
        " id  name        amount  note
---  ----------  ------  ------
  1  Ann          12.50  ''
 20  漢字          NULL  'NULL'
300  two\\nlines    7.00  NULL
"
    );
}

#[test]
fn a_table_fits_a_narrow_terminal() {
    let wide = rows(
        &[("id", "INTEGER"), ("description", "VARCHAR"), ("city", "VARCHAR"), ("country", "VARCHAR")],
        vec![vec![
            Value::Int(1),
            text("a description that is longer than the terminal is wide"),
            text("Amsterdam-Zuidoost"),
            text("The Netherlands"),
        ]],
    );
    assert_eq!(
        aligned(&wide, Some(40)),
        "\
id  descripti…  city        country
--  ----------  ----------  ----------
 1  a descrip…  Amsterdam…  The Nethe…
"
    );
    assert_eq!(
        aligned(&wide, Some(20)),
        "\
id  description
--  ----------------
 1  a description t…
(not shown: city,
 country)
"
    );
}

#[test]
fn a_table_without_rows_says_so() {
    assert_eq!(aligned(&rows(&[("id", "INTEGER")], vec![]), None), "id\n--\n(no rows)\n");
}

#[test]
fn csv_quotes_what_needs_it_and_leaves_nulls_empty() {
    assert_eq!(
        csv(&people()),
        "id,name,amount,note\n1,Ann,12.50,\n20,漢字,,NULL\n300,\"two\nlines\",7.00,\n"
    );
}

#[test]
fn json_keeps_numbers_exact() {
    let values = rows(
        &[("n", "HUGEINT"), ("n", "DOUBLE"), ("d", "DECIMAL(38,2)"), ("b", "BOOLEAN"), ("t", "VARCHAR")],
        vec![
            vec![Value::Int(1 << 53), Value::Float(1.0), text("12.50"), Value::Bool(true), text("12.50")],
            vec![
                Value::Int((1 << 53) + 1),
                Value::Float(f64::NAN),
                text("123456789012345678.25"),
                Value::Null,
                text("a\"b"),
            ],
        ],
    );
    let text = json(&values);
    assert_eq!(
        text,
        "[\n  {\"n\":9007199254740992,\"n_1\":1.0,\"d\":12.5,\"b\":true,\"t\":\"12.50\"},\n  \
         {\"n\":\"9007199254740993\",\"n_1\":\"NaN\",\"d\":\"123456789012345678.25\",\"b\":null,\"t\":\"a\\\"b\"}\n]\n"
    );
    assert!(serde_json::from_str::<Json>(&text).is_ok());
    assert_eq!(json(&Rows::default()), "[]\n");
}
