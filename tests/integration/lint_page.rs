//! The page `manual/lint.md`: each rule has a bad example, in which it is found, and a good one, in which nothing is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use tidemill::lint::page;
use tidemill::lint::rules::RULES;

use crate::project::{TestProject, folder};

const PAGE: &str = include_str!("../../manual/lint.md");

/// The shop that the examples belong to, as the page describes it.
const SHOP: &str = "
    //- project.yml
    name: shop
    target: dev
    targets:
      dev: {type: duckdb, path: shop.duckdb}
    lint:
      rules:
        missing-description: {columns: none}
    //- models/staging/sources.yml
    sources:
      - name: raw
        description: What the shop writes.
        tables:
          - name: orders
            description: One row an order.
            columns:
              - {name: id, data_type: integer}
              - {name: customer_id, data_type: integer}
              - {name: status, data_type: varchar}
              - {name: amount, data_type: \"decimal(18, 2)\"}
              - {name: ordered_at, data_type: timestamp}
          - name: customers
            description: One row a customer.
            columns:
              - {name: id, data_type: integer}
              - {name: name, data_type: varchar}
              - {name: country_code, data_type: varchar}
    //- models/staging/stg_orders.sql
    select id as order_id, customer_id, status, amount, ordered_at from {{ source('raw', 'orders') }}
    //- models/staging/stg_customers.sql
    select id as customer_id, name as customer_name, country_code from {{ source('raw', 'customers') }}
    //- models/marts/orders.sql
    select
        orders.order_id,
        orders.customer_id,
        customers.customer_name,
        customers.country_code,
        orders.status,
        orders.amount,
        orders.ordered_at
    from {{ ref('stg_orders') }} as orders
    left join {{ ref('stg_customers') }} as customers on customers.customer_id = orders.customer_id
    //- models/marts/report.sql
    select order_id from {{ ref('orders') }}
    //- models/models.yml
    models:
      - name: stg_orders
        description: Orders.
        columns:
          - {name: order_id, data_tests: [unique, not_null]}
      - name: stg_customers
        description: Customers.
        columns:
          - {name: customer_id, data_tests: [unique, not_null]}
      - name: orders
        description: Orders with their customers.
        columns:
          - {name: order_id, data_tests: [unique, not_null]}
      - name: report
        description: What the examples are about.
        columns:
          - {name: order_id, data_tests: [unique, not_null]}
    ";

/// The files of an example: each block begins with its path, in a comment where its language has any.
fn files(example: &str) -> Vec<(String, String)> {
    let blocks = example.split("```").skip(1).step_by(2);
    let file = |block: &str| {
        let (language, text) = block.split_once('\n').unwrap();
        let (path, rest) = text.split_once('\n').unwrap();
        let content = if language == "csv" { rest } else { text };
        (path.trim_start_matches(['-', '#', ' ']).to_owned(), content.to_owned())
    };
    blocks.map(file).collect()
}

fn shop(example: &str) -> TestProject {
    let project = folder(SHOP);
    for (path, content) in files(example) {
        project.write(&path, content);
    }
    project
}

/// The codes of all that is found in an example, and what was said.
fn found(example: &str) -> (BTreeSet<String>, String) {
    let outcome = shop(example).run("lint");
    let text = format!("{}{}", outcome.stdout, outcome.stderr);
    let code = |line: &str| {
        let rest = line.strip_prefix("warning[").or_else(|| line.strip_prefix("error["))?;
        Some(rest.split_once(']')?.0.to_owned())
    };
    (text.lines().filter_map(code).collect(), text)
}

/// The examples of a rule's section.
fn examples(code: &str) -> (&'static str, &'static str) {
    let section = page::section(code).unwrap_or_else(|| panic!("manual/lint.md has no section `{code}`"));
    let bad = section.split_once("\nBad:\n").unwrap_or_else(|| panic!("`{code}` has no bad example")).1;
    bad.split_once("\nGood:\n").unwrap_or_else(|| panic!("`{code}` has no good example"))
}

#[test]
fn every_rule_is_on_the_page_in_its_order_with_its_level() {
    let headings: Vec<&str> =
        PAGE.lines().filter_map(|it| it.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert_eq!(headings, RULES.map(|it| it.1));
    for (_, code, level) in RULES {
        let section = page::section(code).unwrap();
        let start = format!("### `{code}`\n\n`{}`: ", level.as_str());
        assert!(section.starts_with(&start), "{code}: the section says its level first");
        assert!(page::summary(code).len() > 10, "{code}: the section says in a sentence what it is about");
    }
}

#[test]
fn a_bad_example_shows_its_rule_and_no_other() {
    for (_, code, _) in RULES {
        let (codes, text) = found(examples(code).0);
        assert_eq!(codes, BTreeSet::from([code.to_owned()]), "the bad example of `{code}`:\n{text}");
    }
}

#[test]
fn a_good_example_shows_nothing() {
    for (_, code, _) in RULES {
        let (codes, text) = found(examples(code).1);
        assert_eq!(codes, BTreeSet::new(), "the good example of `{code}`:\n{text}");
    }
}

#[test]
fn what_a_rule_means_is_told_as_the_page_has_it() {
    let project = folder("");
    for (_, code, _) in RULES {
        project.run(&format!("lint --explain {code}")).exit(0).stdout(page::section(code).unwrap());
    }
}
