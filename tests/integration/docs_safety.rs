//! A site whose every text is an attack: nothing of it may become markup.
//!
//! The page's own elements are held here; that nothing runs in a browser is shown by `scripts/docs_browser/run
//! --hostile` on the site that this test leaves in the folder `DOCS_SAFETY_SITE`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use crate::docs_site::{SiteFolder, parts_of};
use crate::project::{TestProject, project};

/// Every place where a user can put a text. `[x]` becomes an attack.
const HOSTILE: &str = r#"
//- project.yml
name: shop
targets:
  dev: {type: duckdb, path: shop.duckdb}
target: dev
//- models/docs.md
{% docs __overview__ %}
[x]

<script>document.title = 'planted-ran'; window.planted = 1</script>

[click](javascript:window.planted=1) [data](data:text/html,<script>window.planted=1</script>)
![image](https://example.org/x.png "[x]")
<iframe srcdoc="<script>parent.planted=1</script>"></iframe><base href="https://example.org">
<style>body{display:none}</style><svg onload="window.planted=1">

```sql
select '[x]' -- </script><script>window.planted=1</script>
```
{% enddocs %}
//- models/orders.sql
{{ config(materialized='table', tags=['[x]'], meta={'[x]': '[x]', 'owner': '[x]'}, docs={'node_color': 'url([x])'}) }}
-- [x]
select 1 as id, '[x]' as "[x]"
//- models/next.sql
select * from {{ ref('orders') }}
//- models/loads.sql
select id as renamed, loaded_at from {{ source('raw', 'loaded') }}
//- models/pivoted.sql
pivot (select 1 as a, 'b' as c) on c using sum(a) -- [x]
//- analyses/looked.sql
select '[x]' as "[x]"
//- models/schema.yml
models:
  - name: orders
    description: "[x] <b onmouseover=window.planted=1>bold</b> [go](JaVaScRiPt:window.planted=1)"
    config:
      group: people
    columns:
      - name: id
        description: "[x]"
        data_type: "integer"
        meta: {"[x]": "[x]"}
        tags: ["[x]"]
        data_tests:
          - not_null:
              description: "[x]"
              config: {meta: {"[x]": "[x]"}}
          - accepted_values:
              name: the_values
              arguments: {values: ["[x]"]}
              config: {severity: warn}
      - name: "[x]"
        description: "[x]"
  - name: pivoted
    description: "[x]"
    config: {group: people, materialized: table}
sources:
  - name: raw
    description: "[x]"
    loader: "[x]"
    tables:
      - name: sales
        description: "[x]"
        columns: [{name: "[x]", description: "[x]"}]
      - name: loaded
        description: "[x]"
        loaded_at_field: loaded_at
        config: {freshness: {error_after: {count: 1, period: day}}, on_stale: warn, meta: {"[x]": "[x]"}}
        columns: [{name: id, description: "[x]"}, {name: loaded_at, description: "[x]"}]
seeds:
  - name: list
    description: "[x]"
    config: {meta: {docs_sample_rows: 3}}
    columns: [{name: id, description: "[x]"}]
snapshots:
  - name: kept
    relation: ref('list')
    description: "[x]"
    config: {unique_key: id, strategy: check, check_cols: all}
exposures:
  - name: board
    label: "[x]"
    type: dashboard
    url: "javascript:window.planted=1//[x]"
    description: "[x]"
    owner: {name: "[x]", email: "[x]"}
    depends_on: [ref('orders')]
groups:
  - name: people
    description: "[x]"
    owner: {name: "[x]", email: "[x]"}
analyses:
  - name: looked
    description: "[x]"
macros:
  - name: helper
    description: "[x]"
    arguments: [{name: a, type: string, description: "[x]"}]
unit_tests:
  - name: checked
    description: "[x]"
    model: next
    given:
      - input: ref('orders')
        rows: [{id: 1}]
    expect:
      rows: [{id: 1}]
//- macros/helper.sql
{% macro helper(a) %} /* [x] */ {{ return('[x]') }} {% endmacro %}
//- tests/single.sql
-- [x]
select 1 as "[x]" where false
//- seeds/list.csv
id,[x]
1,[x]
"#;

/// Ends an element, an attribute, a comment or a script, wherever it is put.
const ATTACK: &str = r"'></script><script>window.planted=1</script><img src=x onerror=window.planted=1><!--]]>`${window.planted=1}";

fn hostile() -> TestProject {
    let yaml = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    // In SQL and templates a quote would end the text.
    let files = HOSTILE.split("\n//- ").map(|file| {
        let is_yaml = file.split('\n').next().is_some_and(|it| it.contains(".yml"));
        let attack = if is_yaml { yaml(ATTACK) } else { ATTACK.replace('\'', "") };
        file.replace("[x]", &attack)
    });
    project(&files.collect::<Vec<_>>().join("\n//- "))
}

#[test]
fn nothing_that_a_user_writes_becomes_markup() {
    let shop = hostile();
    shop.execute(
        "create schema raw; create table raw.loaded as select 1 as id, timestamptz '2020-01-01 00:00:00+00' as loaded_at",
    );
    let built = shop.run("build --no-check --exclude test_type:unit");
    assert!(built.stdout.contains("orders"), "{}{}", built.stdout, built.stderr);
    shop.run("docs").exit(0);
    let page = shop.read("target/index.html");
    // Outside of the packed data the page is what is in the program, for every project.
    let bare = project("//- models/a.sql\nselect 1 as id");
    bare.run("docs").exit(0);
    let expected = frame(&bare.read("target/index.html"));
    assert_eq!(frame(&page), expected);
    // The attacks are in the data, as texts.
    let planted = parts_of(&page).values().filter(|it| it.contains("window.planted=1")).count();
    assert!(planted >= 3, "{planted} parts have the texts");
    let detail = SiteFolder::one_file(&shop);
    assert_eq!(detail.detail("exposure.shop.board")["url"], serde_json::Value::Null);
    assert_eq!(detail.page("model.shop.orders")["color"], serde_json::Value::Null);
    if let Some(folder) =
        option_env!("DOCS_SAFETY_SITE").map(str::to_owned).or_else(|| std::env::var("DOCS_SAFETY_SITE").ok())
    {
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(Path::new(&folder).join("index.html"), &page).expect("a file");
    }
}

/// The page without the contents of its data.
fn frame(page: &str) -> String {
    let mut frame = String::new();
    for block in page.split("<script type=\"text/plain\" id=\"data-") {
        // The first block is what stands before all data.
        let rest = if frame.is_empty() { block } else { block.split_once("</script>\n").expect("an end").1 };
        frame.push_str(rest);
    }
    frame
}

#[test]
fn only_the_script_and_the_style_of_the_program_are_allowed() {
    let shop = project("//- models/a.sql\nselect 1 as id");
    shop.run("docs").exit(0);
    let page = shop.read("target/index.html");
    let between = |start: &str, end: &str| {
        let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start}"));
        rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
    };
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(Sha256::digest(text.as_bytes())));
    let (script, style) = (hash(between("<script>", "</script>")), hash(between("<style>", "</style>")));
    assert_eq!(
        between("http-equiv=\"Content-Security-Policy\" content=\"", "\""),
        format!(
            "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; \
             form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
        )
    );
    let asks =
        ["src=\"", "@import", "url(http", "innerHTML", "insertAdjacentHTML", "document.write", "eval("];
    let found: Vec<&&str> = asks.iter().filter(|it| page.contains(**it)).collect();
    assert!(found.is_empty(), "the page has {found:?}");
}
