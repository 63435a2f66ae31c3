//! `unit-test scaffold`: skeletons that can be run as they are.

use crate::project::project;

const SHOP: &str = "
    //- seeds/rates.csv
    code,rate,note
    de,1.5,x
    //- models/orders.sql
    {{ config(materialized='incremental') }}
    select o.id, o.cents / 100.0 as amount, r.rate, o.loaded
    from {{ source('lake', 'orders') }} o join {{ ref('rates') }} r on o.country = r.code
    {% if is_incremental() %} where o.loaded > (select max(loaded) from {{ this }}) {% endif %}
    //- models/totals.sql
    select count(*) as n from {{ ref('orders') }}
    //- models/s.yml
    sources:
      - name: lake
        tables:
          - name: orders
            columns:
              - {name: id, data_type: bigint}
              - {name: cents, data_type: integer}
              - {name: country, data_type: varchar}
              - {name: loaded, data_type: timestamp}
              - {name: unused, data_type: varchar}
    ";

#[test]
fn a_skeleton_has_the_columns_that_the_model_uses() {
    project(SHOP).run("unit-test scaffold orders").exit(0).stdout(
        r#"
        unit_tests:
          - name: orders_makes_all_rows
            model: orders
            overrides:
              macros: {is_incremental: false}
            given:
              - input: ref('rates')
                rows:
                  - code: "a"  # VARCHAR
                    rate: 0.5  # DOUBLE
              - input: source('lake', 'orders')
                rows:
                  - id: 1                          # BIGINT
                    cents: 1                       # INTEGER
                    country: "a"                   # VARCHAR
                    loaded: "2024-01-01 00:00:00"  # TIMESTAMP
            # What the model makes of these rows now: put in what it should make.
            expect:
              rows:
                - id: 1                          # BIGINT
                  amount: "0.01"                 # DOUBLE
                  rate: "0.5"                    # DOUBLE
                  loaded: "2024-01-01 00:00:00"  # TIMESTAMP
          - name: orders_adds_rows
            model: orders
            overrides:
              macros: {is_incremental: true}
            given:
              - input: ref('rates')
                rows:
                  - code: "a"  # VARCHAR
                    rate: 0.5  # DOUBLE
              - input: source('lake', 'orders')
                rows:
                  - id: 1                          # BIGINT
                    cents: 1                       # INTEGER
                    country: "a"                   # VARCHAR
                    loaded: "2024-01-01 00:00:00"  # TIMESTAMP
              - input: this
                rows:
                  - loaded: "2024-01-01 00:00:00"  # TIMESTAMP
            # What the model makes of these rows now: put in what it should make.
            expect:
              rows: []  # columns: id, amount, rate, loaded
        "#,
    );
}

#[test]
fn a_skeleton_can_be_run() {
    let project = project(SHOP);
    project
        .run("unit-test scaffold orders totals --output models/unit/tests.yml")
        .exit(0)
        .stderr("wrote models/unit/tests.yml: fill in the rows");
    project.run("test -s test_type:unit").exit(0).stdout_has("3 tests passed");
    project
        .run("unit-test scaffold orders --output models/unit/tests.yml")
        .exit(2)
        .stderr_has("help: name a new file: none is overwritten");
}

#[test]
fn a_skeleton_is_for_models() {
    let project = project(SHOP);
    project.run("unit-test scaffold rates").exit(2).stderr_has("error[wrong-kind]: `rates` is no model");
    project.run("unit-test scaffold order").exit(2).stderr_has("near: `orders`");
}
