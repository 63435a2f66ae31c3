//! Sources that are read in place: `external_location` and its placeholders.

use crate::project::project;

const FILES: &str = "
    //- data/raw/orders.csv
    id
    1
    //- data/raw/late_2024.csv
    id
    2
    //- data/raw/js.json
    {\"id\": 3}
    ";

#[test]
fn places_are_filled_in_three_ways() {
    let project = project(&format!(
        "{FILES}
    //- models/sources.yml
    sources:
      - name: raw
        meta: {{external_location: 'data/{{schema}}/{{name}}.csv'}}
        tables:
          - name: orders
          - name: late
            identifier: late_2024
            config: {{external_location: \"read_csv('data/raw/%(identifier)s.csv', header = true)\", formatter: oldstyle}}
          - name: js
            meta: {{external_location: 'data/${{folder}}/$name.json', formatter: template, folder: raw}}
    //- models/a.sql
    select id from {{{{ source('raw', 'orders') }}}}
    union all select id from {{{{ source('raw', 'late') }}}}
    union all select id from {{{{ source('raw', 'js') }}}}
    "
    ));
    project.run("source accept").exit(0);
    project.run("build").exit(0).stderr("");
    let command = "show --inline \"select id from {{ ref('a') }} order by id\" --output csv";
    project.run(command).exit(0).stdout("id\n1\n2\n3\n");
}

#[test]
fn an_unknown_place_shows_a_near_name() {
    let project = project(
        "
        //- models/sources.yml
        sources:
          - name: raw
            tables:
              - {name: orders, config: {external_location: 'data/{nam}.csv'}}
              - {name: other, config: {external_location: 'data/{name.csv'}}
              - {name: third, config: {external_location: 'data/x.csv', formatter: fstring}}
        //- models/a.sql
        select 1 as id
        ",
    );
    project
        .run("build")
        .exit(2)
        .stderr_has("error[invalid-location]: `external_location`: nothing is called `nam` here")
        .stderr_has("help: did you mean `name`?")
        .stderr_has("error[invalid-location]: `external_location`: a `{` stands alone: write it twice")
        .stderr_has("the formatter `fstring` is none of newstyle, oldstyle, template");
}

#[test]
fn a_plugin_is_refused_with_another_way() {
    let project = project(
        "
        //- models/sources.yml
        sources:
          - name: raw
            config: {plugin: excel}
            tables:
              - name: orders
        //- models/a.sql
        select 1 as id
        ",
    );
    project
        .run("build")
        .exit(2)
        .stderr_has("error[unsupported-plugin]: the source table `orders` needs the plugin `excel`")
        .stderr_has("help: read the file with DuckDB: `external_location: \"read_xlsx('x.xlsx')\"`");
}

#[test]
fn the_manifest_has_the_schema_that_is_declared() {
    let project = project(
        "
        //- models/sources.yml
        sources:
          - name: shop
            schema: raw
            meta: {external_location: 'data/{name}.csv'}
            tables:
              - name: orders
        ",
    );
    project.run("parse").exit(0);
    let manifest: serde_json::Value =
        serde_json::from_str(&project.read("target/manifest.json")).expect("a manifest");
    let source = &manifest["sources"]["source.shop.shop.orders"];
    assert_eq!(source["schema"], "raw");
    assert_eq!(source["relation_name"], "'data/orders.csv'");
}
