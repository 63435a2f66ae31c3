//! Many threads and many small nodes in schemas that they share. `scripts/stress` does the same with 500 models.

use std::fmt::Write as _;

use crate::project::{TestProject, project};

const MODELS: usize = 48;
const SCHEMAS: [&str; 3] = ["staging", "core", "marts"];

/// Layers of twelve: tables with indexes, views and incremental models, each with a test, most of two parents.
fn shop() -> TestProject {
    let shop = project(
        "
        //- seeds/numbers.csv
        id
        1
        ",
    );
    let mut properties = "models:\n".to_owned();
    for index in 0..MODELS {
        let config = match index % 4 {
            0 => "materialized='table', indexes=[{'columns': ['id']}]",
            1 => "materialized='view'",
            2 => "materialized='incremental', unique_key='id'",
            _ => "materialized='incremental', incremental_strategy='append'",
        };
        let parents = match index.checked_sub(12) {
            None => vec!["numbers".to_owned()],
            Some(_) => [1, 5].map(|it| format!("m{}", (index / 12 - 1) * 12 + (index + it) % 12)).to_vec(),
        };
        let read = |it: &String| format!("exists (select 1 from {{{{ ref('{it}') }}}})");
        let wheres: Vec<String> = parents.iter().map(read).collect();
        let v = "{{ var('v') }}";
        let sql = format!(
            "{{{{ config({config}) }}}} select i as id, {v} as v from range(100) t(i) where {}",
            wheres.join(" and ")
        );
        shop.write(&format!("models/m{index}.sql"), sql);
        let schema = SCHEMAS[index % 3];
        let _ = writeln!(
            properties,
            "  - {{name: m{index}, description: made, config: {{schema: {schema}, persist_docs: {{relation: true}}}}, \
             columns: [{{name: id, data_tests: [not_null]}}]}}"
        );
    }
    shop.write("models/schema.yml", properties);
    shop
}

#[test]
fn many_threads_in_shared_schemas_get_in_nobodys_way() {
    let shop = shop();
    for (v, flags) in ["", "--full-refresh", "--publish run"].into_iter().enumerate() {
        let run = shop.run(&format!("build --threads 16 {flags} --vars '{{v: {v}}}'"));
        run.exit(0).stdout_has(&format!("{MODELS} tests passed"));
        let said = format!("{}{}", run.stdout, run.stderr).to_lowercase();
        assert!(!said.contains("conflict") && !said.contains("transaction"), "{said}");
        for index in 0..MODELS {
            let table = format!("{}.m{index}", SCHEMAS[index % 3]);
            // What appends has the rows of each build since it was last made from nothing.
            let builds = if index % 4 == 3 { [1, 1, 2][v] } else { 1 };
            let expected = format!("{} | 100 | {v}", builds * 100);
            let found = shop.query(&format!("select count(*), count(distinct id), max(v) from {table}"));
            assert_eq!(found, expected, "{table} after build {v}");
        }
        let of_run = "run_id = (select arg_max(run_id, started_at) from tidemill.runs)";
        let rows = format!(
            "select count(*), count(distinct node_id) from tidemill.node_runs where {of_run} and status in ('success', 'unchanged')"
        );
        assert_eq!(shop.query(&rows), format!("{0} | {0}", MODELS + 1));
    }
}
