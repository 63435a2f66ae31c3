//! `docs`: what the site says, how it is made, and what it needs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value as Json, json};
use tidemill::diagnostics::scrub::Scrubber;
use tidemill::docs::samples::Samples;
use tidemill::docs::{
    self, ColumnEdge, ColumnFacts, EdgeKind, Inherited, KnownColumn, SiteInput, UnknownOrigins,
};

use crate::docs_site::{SiteFolder, parts_of};
use crate::project::{TestProject, project};

const SHOP: &str = "
//- models/docs.md
{% docs __overview__ %}
# The shop

All that is *sold*.
{% enddocs %}
//- models/orders.sql
{{ config(materialized='table', tags=['daily']) }}
select 1 as id, 7 as customer_id, 2.5 as amount
//- models/customers.sql
{{ config(materialized='table') }}
select 7 as id, 'Ann' as name
//- models/report.sql
select c.name, sum(o.amount) as total
from {{ ref('orders') }} o join {{ ref('customers') }} c on c.id = o.customer_id
group by c.name
//- models/schema.yml
models:
  - name: orders
    description: One row an **order**.
    columns:
      - name: id
        description: The key.
        data_tests: [unique, not_null]
      - name: customer_id
        data_tests:
          - relationships:
              arguments: {to: ref('customers'), field: id}
      - name: gone
        description: Not there any more.
  - name: report
    description: What the owner reads.
    config:
      meta: {owner: Ann}
exposures:
  - name: dashboard
    type: dashboard
    url: https://example.org/d
    owner: {name: Ann, email: ann@example.org}
    depends_on: [ref('report')]
";

fn shop() -> TestProject {
    project(SHOP)
}

#[test]
fn a_built_project_is_described_with_types_results_and_rows() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("docs").exit(0).stdout("").stderr_has("wrote target/index.html (");
    let site = SiteFolder::one_file(&shop);
    let index = site.index();
    assert_eq!(index["overview"], json!([["h1", "The shop"], ["p", "All that is ", ["em", "sold"], "."]]));
    assert_eq!(index["health"]["last"]["status"], "success");
    assert_eq!(index["health"]["last"]["tests"], json!([["pass", 3]]));
    let orders = site.page("model.shop.orders");
    assert_eq!(orders["rows"], 1);
    assert_eq!(orders["status"], "success");
    assert_eq!(orders["summary"], "One row an order.");
    assert_eq!(orders["tags"], json!(["daily"]));
    let detail = site.detail("model.shop.orders");
    assert_eq!(detail["description"], json!([["p", "One row an ", ["strong", "order"], "."]]));
    let columns = detail["columns"].as_array().expect("columns");
    let names: Vec<(&Json, &Json)> = columns.iter().map(|it| (&it["name"], &it["type"])).collect();
    assert_eq!(
        names,
        [
            (&json!("id"), &json!("INTEGER")),
            (&json!("customer_id"), &json!("INTEGER")),
            (&json!("amount"), &json!("DECIMAL(2,1)")),
            (&json!("gone"), &Json::Null),
        ]
    );
    assert_eq!(columns[3]["is_missing"], true);
    let tests: Vec<&Json> = columns[0]["tests"].as_array().expect("tests").iter().collect();
    let test = site.page_number(tests[0].as_u64().expect("a number"));
    assert_eq!((&test["kind"], &test["status"]), (&json!("test"), &json!("pass")));
    assert!(detail["compiled"].as_str().is_some_and(|it| it.contains("select 1 as id")));
    // Where columns come from is found in the compiled queries.
    let (from, to) = (site.number("model.shop.orders"), site.number("model.shop.report"));
    let edges = site.part("columns")["edges"].as_array().expect("edges").clone();
    assert!(edges.contains(&json!([from, 2, to, 1, 2])), "orders.amount makes report.total: {edges:?}");
    let link = &index["relations"][0];
    assert_eq!(site.page_number(link["to"].as_u64().expect("a page"))["name"], "customers");
    assert_eq!((&link["column"], &link["field"]), (&json!("customer_id"), &json!("id")));
}

#[test]
fn a_project_that_was_never_built_has_a_site_with_the_unknown_left_out() {
    let shop = shop();
    shop.run("docs").exit(0);
    let site = SiteFolder::one_file(&shop);
    assert_eq!(site.index()["health"]["last"], Json::Null);
    assert_eq!(site.page("model.shop.orders")["status"], Json::Null);
    let detail = site.detail("model.shop.orders");
    // Types are found in the query itself.
    assert_eq!(detail["columns"][0]["type"], "INTEGER");
    assert_eq!(detail["runs"], Json::Null);
    assert!(!shop.dir().join("shop.duckdb").exists(), "looking makes no database");
    assert_eq!(site.detail("exposure.shop.dashboard")["url"], "https://example.org/d");
    assert_eq!(site.page("exposure.shop.dashboard")["owner"], "Ann");
    assert_eq!(site.page("model.shop.report")["owner"], "Ann");
}

#[test]
fn what_failed_and_what_changed_stands_on_the_first_page() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.write(
        "models/orders.sql",
        "{{ config(materialized='table') }} select 1 as id, 8 as customer_id, 2.5 as amount",
    );
    shop.write("models/customers.sql", "select 7 as id, 'Ann' as name union all select 9, 'Bob'");
    shop.run("build").exit(1);
    shop.run("docs").exit(0);
    let site = SiteFolder::one_file(&shop);
    let health = &site.index()["health"];
    let names = |list: &Json| -> Vec<String> {
        let numbers = list.as_array().expect("a list").iter();
        numbers.map(|it| site.page_number(it.as_u64().expect("a page"))["name"].to_string()).collect()
    };
    assert_eq!(names(&health["broken"]), ["\"orders\""]);
    assert_eq!(names(&health["skipped"]), ["\"report\""]);
    assert_eq!(health["last"]["nodes"], json!([["rolled back", 1], ["skipped", 1], ["success", 1]]));
    assert_eq!(names(&health["failing"]), ["\"relationships_orders_customer_id__id__ref_customers_\""]);
    let changes = health["changes"].as_array().expect("changes");
    let said = |it: &Json| {
        format!(
            "{} {} {} -> {}",
            site.page_number(it["page"].as_u64().expect("a page"))["name"].as_str().unwrap_or_default(),
            it["what"].as_str().unwrap_or_default(),
            it["before"].as_str().unwrap_or_default(),
            it["after"].as_str().unwrap_or_default()
        )
    };
    let said: Vec<String> = changes.iter().map(said).collect();
    assert!(said.contains(&"orders status success -> rolled back".to_owned()), "{said:?}");
    assert_eq!(health["runs"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_database_that_is_in_use_is_left_alone() {
    let shop = shop();
    shop.run("build").exit(0);
    let _held = shop.hold();
    let outcome = shop.run("docs");
    outcome.exit(0).stderr_has("the database `shop.duckdb` was not read (it is in use");
    let site = SiteFolder::one_file(&shop);
    // Types and results come from the artifacts of the build.
    assert_eq!(site.page("model.shop.orders")["status"], "success");
    assert_eq!(site.index()["health"]["last"]["command"], "build");
}

#[test]
fn the_database_is_not_looked_at_if_that_is_not_wanted() {
    let shop = shop();
    shop.run("build").exit(0);
    std::fs::remove_file(shop.dir().join("target/run_results.json")).expect("it is there");
    shop.run("docs generate --no-database").exit(0);
    let site = SiteFolder::one_file(&shop);
    // The queries tell what they give; what became of them is known to the database alone.
    assert_eq!(site.detail("model.shop.orders")["columns"][0]["type"], "INTEGER");
    assert_eq!(site.detail("model.shop.report")["columns"][1]["from"][0][1], "amount");
    assert_eq!(site.page("model.shop.orders")["status"], Json::Null);
    shop.run("docs generate --empty-catalog --static").exit(0);
}

#[test]
fn a_node_that_cannot_be_compiled_is_reported_and_the_rest_is_described() {
    let shop = shop();
    let broken = "select {% if execute %}{{ exceptions.raise_compiler_error('no such luck') }}{% endif %} 1";
    shop.write("models/broken.sql", broken);
    shop.run("docs").exit(1).stderr_has("no such luck").stderr_has("models/broken.sql:1:");
    let site = SiteFolder::one_file(&shop);
    assert_eq!(site.detail("model.shop.broken")["code"], broken);
    assert_eq!(site.page("model.shop.orders")["name"], "orders");
}

#[test]
fn hidden_nodes_have_no_page_and_colors_are_only_colors() {
    let shop = project(
        "
        //- models/a.sql
        {{ config(docs={'node_color': 'red;background:url(https://e.org)'}) }}
        select 1 as id
        //- models/b.sql
        {{ config(docs={'node_color': '#Ff00AA'}) }}
        select * from {{ ref('a') }}
        //- models/c.sql
        {{ config(docs={'show': false}) }}
        select * from {{ ref('b') }}
        ",
    );
    shop.run("docs").exit(0);
    let site = SiteFolder::one_file(&shop);
    assert_eq!(site.page("model.shop.a")["color"], Json::Null);
    assert_eq!(site.page("model.shop.b")["color"], "#ff00aa");
    let pages = site.index()["pages"].as_array().expect("pages").clone();
    assert!(!pages.iter().any(|it| it["id"] == "model.shop.c"));
}

#[test]
fn a_split_site_has_its_data_in_files_and_leaves_none_of_an_earlier_one() {
    let shop = shop();
    shop.run("docs --split").exit(0).stderr_has("wrote target/site/index.html and 4 files beside it");
    shop.write("target/site/data/part-9.gz", "old");
    shop.run("docs --split").exit(0);
    assert!(!shop.dir().join("target/site/data/part-9.gz").exists());
    let site = SiteFolder::split(&shop);
    assert_eq!(site.page("model.shop.orders")["name"], "orders");
    let page = shop.read("target/site/index.html");
    assert!(page.contains("connect-src 'self'") && page.contains("name=\"data-version\""));
    assert!(!shop.read("target/site/index.html").contains("data-index"));
}

#[test]
fn the_dictionary_lists_every_column() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("docs dictionary --format csv").exit(0).stdout(
        "
        kind,relation,description,column,type,column_description,inherited_from,tests
        model,customers,,id,INTEGER,,,
        model,customers,,name,VARCHAR,,,
        model,orders,One row an **order**.,id,INTEGER,The key.,,\"not_null_orders_id, unique_orders_id\"
        model,orders,One row an **order**.,customer_id,INTEGER,,,relationships_orders_customer_id__id__ref_customers_
        model,orders,One row an **order**.,amount,\"DECIMAL(2,1)\",,,
        model,orders,One row an **order**.,gone,,Not there any more.,,
        model,report,What the owner reads.,name,VARCHAR,,,
        model,report,What the owner reads.,total,\"DECIMAL(38,1)\",,,
        ",
    );
    shop.run("docs dictionary").exit(0).stdout_has(
        "## orders (model)\n\nOne row an **order**.\n\n| column | type | description | tests |\n| --- | --- | --- | --- |\n\
         | id | INTEGER | The key. | not_null_orders_id, unique_orders_id |\n",
    );
}

#[test]
fn a_cell_that_a_spreadsheet_would_run_is_a_text() {
    let shop = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/a.yml
        models:
          - name: a
            description: =cmd()
            columns:
              - {name: id, description: 'one, or \"two\"'}
        ",
    );
    shop.run("docs dictionary --format csv --no-database")
        .exit(0)
        .stdout_has("model,a,'=cmd(),id,INTEGER,\"one, or \"\"two\"\"\",,");
}

#[test]
fn secrets_are_in_no_part_of_the_site() {
    let shop = project(
        "
        //- models/a.sql
        select 1 as id, 'canary-4711' as leak
        //- models/a.yml
        models:
          - {name: a, description: the key is canary-4711}
        ",
    )
    .env("DBT_ENV_SECRET_KEY", "canary-4711");
    shop.run("docs");
    let parts = parts_of(&shop.read("target/index.html"));
    assert!(!parts.is_empty());
    for (name, part) in parts {
        assert!(!part.contains("canary-4711"), "the secret is in {name}");
    }
    let dictionary = shop.run("docs dictionary");
    assert!(!dictionary.stdout.contains("canary-4711"));
}

#[test]
fn the_same_input_gives_the_same_bytes_and_no_path_of_the_machine() {
    let shop = shop();
    shop.run("build").exit(0);
    shop.run("docs").exit(0);
    let manifest = shop.read("target/manifest.json");
    let input = SiteInput {
        manifest: &manifest,
        run_results: None,
        catalog: None,
        sources: None,
        history: None,
        samples: &Samples::new(),
        columns: &ColumnFacts::default(),
        tool: "Tidemill",
    };
    let site = || docs::one_file(&docs::make(&input).expect("a site"), &Scrubber::default());
    assert_eq!(site(), site());
    for (name, part) in parts_of(&shop.read("target/index.html")) {
        assert!(!part.contains(&*shop.dir().to_string_lossy()), "the project's folder is in {name}");
    }
}

#[test]
fn edges_between_columns_and_inherited_descriptions_are_shown() {
    let shop = shop();
    shop.run("parse").exit(0);
    let at = |node: &str, column: &str| (format!("model.shop.{node}"), column.to_owned());
    let known = |name: &str| KnownColumn {
        name: name.to_owned(),
        data_type: Some("INTEGER".to_owned()),
        comment: None,
    };
    let facts = ColumnFacts {
        columns: [
            ("model.shop.orders".to_owned(), vec![known("ID"), known("customer_id")]),
            ("model.shop.report".to_owned(), vec![known("order_id")]),
        ]
        .into(),
        edges: vec![ColumnEdge {
            from: at("orders", "id"),
            to: at("report", "order_id"),
            how: EdgeKind::Renamed,
        }],
        keys: [("model.shop.report".to_owned(), vec![at("orders", "customer_id")])].into(),
        unknown: [("model.shop.customers".to_owned(), UnknownOrigins::default())].into(),
        doubts: [("model.shop.report".to_owned(), "it may change".to_owned())].into(),
        inherited: [(
            at("report", "order_id"),
            Inherited { description: "The key.".to_owned(), from: at("orders", "id") },
        )]
        .into(),
    };
    let manifest = shop.read("target/manifest.json");
    let input = SiteInput {
        manifest: &manifest,
        run_results: None,
        catalog: None,
        sources: None,
        history: None,
        samples: &Samples::new(),
        columns: &facts,
        tool: "Tidemill",
    };
    let made = docs::make(&input).expect("a site");
    let page =
        String::from_utf8(docs::one_file(&made, &Scrubber::default()).remove(0).bytes).expect("a text");
    let site = SiteFolder::of_page(&page);
    let (orders, report) = (site.number("model.shop.orders"), site.number("model.shop.report"));
    let columns = site.part("columns");
    assert_eq!(columns["edges"], json!([[orders, 0, report, 0, 1]]));
    assert_eq!(columns["keys"], json!([[orders, 1, report]]));
    assert_eq!(site.detail("model.shop.report")["keys"], json!([[orders, "customer_id"]]));
    assert_eq!(columns["unknown"], json!([site.number("model.shop.customers")]));
    let column = &site.detail("model.shop.report")["columns"][0];
    assert_eq!(column["inherited"], json!([orders, "id"]));
    assert_eq!(column["from"], json!([[orders, "id", 1]]));
    assert_eq!(site.detail("model.shop.report")["doubt"], "it may change");
    assert_eq!(site.detail("model.shop.customers")["unknown_origins"], "");
    assert_eq!(column["description"], json!([["p", "The key."]]));
    assert!(
        docs::csv(&made).contains("model,report,What the owner reads.,order_id,INTEGER,The key.,orders.id,")
    );
}

#[test]
fn the_catalog_is_what_the_database_holds() {
    let shop = shop();
    shop.run("docs").exit(0);
    let catalog = |shop: &TestProject| -> Json {
        serde_json::from_str(&shop.read("target/catalog.json")).expect("JSON")
    };
    assert_eq!(catalog(&shop)["nodes"], json!({}));
    shop.run("build").exit(0);
    shop.run("docs").exit(0);
    let orders = &catalog(&shop)["nodes"]["model.shop.orders"];
    assert_eq!(
        orders["metadata"],
        json!({ "type": "BASE TABLE", "schema": "main", "name": "orders", "database": "shop", "comment": null, "owner": null })
    );
    assert_eq!(
        orders["columns"]["customer_id"],
        json!({ "type": "INTEGER", "index": 2, "name": "customer_id", "comment": null })
    );
    assert_eq!(catalog(&shop)["nodes"]["model.shop.report"]["metadata"]["type"], "VIEW");
}

#[test]
fn the_site_is_served_to_this_machine_alone() {
    let shop = shop();
    let mut server = shop.command("docs serve --port 0");
    let mut server = server.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(server.stderr.take().expect("its output")).lines().map_while(Result::ok);
    let line = lines.find(|it| it.contains("http://localhost:")).expect("an address");
    let port: String =
        line.chars().skip_while(|it| !it.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let ask = |method: &str, path: &str, host: &str| {
        let mut stream =
            TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("a connection");
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    };
    let status = |answer: String| answer.lines().next().unwrap_or_default().to_owned();
    let page = ask("GET", "/", &format!("localhost:{port}"));
    let answers = [
        status(page.clone()),
        status(ask("HEAD", "/index.html", "127.0.0.1")),
        status(ask("GET", "/manifest.json", "localhost")),
        status(ask("GET", "/../project.yml", "localhost")),
        status(ask("GET", "/", "evil.example.org")),
        status(ask("POST", "/", "localhost")),
    ];
    // Killed before anything can fail: a server that stays would keep the suite waiting.
    server.kill().expect("it ends");
    server.wait().expect("it ended");
    assert!(page.contains("Content-Security-Policy") && page.contains("X-Content-Type-Options: nosniff"));
    assert_eq!(
        answers,
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 404 Not Found",
            "HTTP/1.1 404 Not Found",
            "HTTP/1.1 403 Forbidden",
            "HTTP/1.1 405 Method Not Allowed",
        ]
    );
}

#[test]
fn a_port_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let outcome = shop().run(&format!("docs serve --port {port}"));
    outcome.exit(2).stderr_has(&format!("cannot listen on port {port} of this machine"));
    outcome.stderr_has("`--port 0` takes a port that is free");
}

#[test]
fn rows_are_shown_only_where_the_config_asks_for_them() {
    let shop = project(
        "
        //- models/shown.sql
        {{ config(materialized='table', meta={'docs_sample_rows': 2}) }}
        select n as id, 'secret ' || n as name, case n when 2 then 'x' end as code from range(1, 9) t(n)
        //- models/other.sql
        {{ config(materialized='table') }}
        select 1 as id
        //- models/a.yml
        models:
          - name: shown
            columns:
              - {name: NAME, config: {meta: {sensitive: true}}}
        ",
    );
    shop.run("build").exit(0);
    shop.run("docs").exit(0);
    let site = SiteFolder::one_file(&shop);
    assert_eq!(
        site.detail("model.shop.shown")["sample"],
        json!({ "columns": ["id", "name", "code"], "rows": [["1", "•••", null], ["2", "•••", "x"]] })
    );
    assert_eq!(site.detail("model.shop.other")["sample"], Json::Null);
    for (name, part) in parts_of(&shop.read("target/index.html")) {
        assert!(!part.contains("secret 1"), "a sensitive value is in {name}");
    }
}
