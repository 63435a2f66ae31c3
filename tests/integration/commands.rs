//! Commands, as the program runs them.

use crate::project::project;

#[test]
fn build_makes_and_tests_what_is_selected() {
    let shop = project(
        "
        //- models/orders.sql
        select 1 as id
        //- models/other.sql
        select 1 as id
        ",
    );
    shop.run("build -s orders --threads 1").exit(0).stderr("").stdout(
        "
        building 1 model in shop.duckdb (target dev, 1 thread)
        1/1  published    view main.orders [time]

        build succeeded in [time]: 1 model published
        ",
    );
    assert_eq!(
        shop.query("select table_name from information_schema.tables where table_schema = 'main'"),
        "orders"
    );
}
