//! `lint`: settings, comments, selection, exit statuses, and what rules leave alone. Their examples are in `lint_page`.

use crate::project::{Outcome, TestProject, project};

/// What one rule finds: `path:line:column: headline` by place.
fn found(project: &TestProject, rule: &str) -> Vec<String> {
    headlines(&project.run(&format!("lint --rule {rule}")), rule)
}

fn headlines(outcome: &Outcome, rule: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = outcome.stderr.lines();
    while let Some(line) = lines.next() {
        let message =
            ["warning", "error"].iter().find_map(|it| line.strip_prefix(&format!("{it}[{rule}]: ")));
        if let Some(message) = message {
            let place = lines.next().unwrap_or_default().trim_start().trim_start_matches("--> ");
            found.push(format!("{place}: {message}"));
        }
    }
    found
}

/// A model `m` and what one rule finds in it, without its name and file.
#[track_caller]
fn check(rule: &str, sql: &str, expected: &[&str]) {
    let tables = "
        //- seeds/a.csv
        id,b_id,name,day,flag
        1,2,x,2024-01-01,true
        //- seeds/b.csv
        id,kind,amount,seen_at
        1,x,2.5,2024-01-01 00:00:00
        //- seeds/seeds.yml
        seeds:
          - name: a
            columns:
              - {name: id, data_tests: [unique, not_null]}
        ";
    let project = project(tables);
    project.write("models/m.sql", sql);
    let all = found(&project, rule);
    let short: Vec<&str> = all.iter().map(|it| it.trim_start_matches("models/m.sql:")).collect();
    assert_eq!(short, expected, "{sql}");
}

#[test]
fn a_finding_is_drawn_at_its_place_and_the_last_line_counts() {
    let project = project(
        "
        //- models/orders.sql
        select 1 as order_id, 2 as customer_id
        //- models/report.sql
        select order_id
        from {{ ref('orders') }}
        where customer_id in (17, 42)
        ",
    );
    project.run("lint --rule hard-coded-id").exit(0).stdout("").stderr(
        "
        warning[hard-coded-id]: `report` compares `customer_id` with `17` and `42`
         --> models/report.sql:3:23
          |
        3 | where customer_id in (17, 42)
          |                       ^^ an id in code
          |
        help: keep it in a seed with a column that says why, and join that

        read 2 queries, 1 warning in [time]
        ",
    );
}

#[test]
fn warnings_fail_only_if_they_are_denied_and_errors_always() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id limit 1
        //- models/b.sql
        select id from {{ ref('a') }} where id = null
        ",
    );
    project.run("lint --rule missing-description").exit(0);
    project.run("lint --rule missing-description --deny-warnings").exit(1);
    project.run("lint --rule null-comparison").exit(1);
    project.run("lint --rule unused-macro --deny-warnings").exit(0).stderr(
        "
        read 2 queries, found nothing in [time]
        ",
    );
}

#[test]
fn the_project_sets_levels_and_leaves_nodes_out() {
    let project = project(
        "
        //- project.yml
        name: shop
        target: dev
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        lint:
          rules:
            missing-key-test: off
            missing-description: {level: error, exclude: [path:models/old]}
        //- models/a.sql
        select 1 as id
        //- models/old/b.sql
        select 2 as id union all select 3
        ",
    );
    project.run("lint").exit(1).stderr(
        "
        error[missing-description]: the model `a` has no description
         --> models/a.sql:1:1
          |
        1 | select 1 as id
          | ^ what is it?
          |
        help: write `description:` into a properties file

        read 2 queries, 1 error in [time]
        ",
    );
    project.run("lint --list-rules").exit(0).stdout_has("missing-key-test        off    No test says");
}

#[test]
fn a_rule_that_does_not_exist_is_an_error_at_its_place() {
    let project = project(
        "
        //- project.yml
        name: shop
        target: dev
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        lint:
          rules:
            select-stars: error
            bare-union: sometimes
            join-fan-out: {exclude: [path:nowhere], allow: [1]}
          martes: [a]
        //- models/a.sql
        {{ config(lint={'off': ['bare-unoin']}) }}
        select 1 as id
        ",
    );
    let outcome = project.run("lint");
    outcome.exit(2);
    let heads: Vec<&str> = outcome.stderr.lines().filter(|it| it.starts_with(['e', 'w', ' '])).collect();
    let heads: Vec<&str> = heads.into_iter().filter(|it| it.contains('[') || it.contains("-->")).collect();
    assert_eq!(
        heads.join("\n").replace(" --> ", "").replace(" project", "project"),
        "error[unknown-rule]: there is no rule `select-stars`\n\
         project.yml:7:5\n\
         error[invalid-value]: `sometimes` is not a level of a rule\n\
         project.yml:8:17\n\
         warning[empty-selector]: the selector `path:nowhere` matches nothing\n\
         project.yml:9:30\n\
         error[unknown-key]: `allow` is not a key of a rule\n\
         project.yml:9:45\n\
         error[unknown-key]: `martes` is not a key of `lint`\n\
         project.yml:10:3\n\
         error[unknown-rule]: there is no rule `bare-unoin`\n\
         models/a.sql:1:26"
    );
    assert!(outcome.stderr.contains("help: did you mean `select-star`?"), "{}", outcome.stderr);
    project.run("lint --rule bare-unoin").exit(2).stderr_has("help: did you mean `bare-union`?");
    project.run("lint --explain nothing").exit(2).stderr_has("`tidemill lint --list-rules` shows all rules");
}

/// What is wrong in the project file is no secret of one command.
#[test]
fn other_commands_say_what_is_wrong_with_the_settings() {
    let project = project(
        "
        //- project.yml
        name: shop
        target: dev
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        lint:
          rules: {bare-union: sometimes}
          marts: [path:nowhere, pathh:x]
          martes: [a]
        //- models/a.sql
        select 1 as id
        ",
    );
    let told = "
        error[invalid-selector]: `pathh:x` is not a selector: there is no method `pathh`
         --> project.yml:7:25
          |
        7 |   marts: [path:nowhere, pathh:x]
          |                         ^^^^^^^
          |
        help: did you mean `path`?

        error[invalid-value]: `sometimes` is not a level of a rule
         --> project.yml:6:23
          |
        6 |   rules: {bare-union: sometimes}
          |                       ^^^^^^^^^ write `error`, `warn` or `off`

        error[unknown-key]: `martes` is not a key of `lint`
         --> project.yml:8:3
          |
        8 |   martes: [a]
          |   ^^^^^^ nothing reads this key
          |
        help: did you mean `marts`?

        stopped: 3 errors
        ";
    project.run("parse").exit(2).stderr(told);
    project.run("build").exit(2).stderr(told);
    let text = project.read("project.yml").replace("sometimes", "error").replace(", pathh:x", "");
    project.write("project.yml", text.replace("martes", "staging"));
    project.run("build").exit(0).stderr("");
}

#[test]
fn nodes_and_folders_turn_rules_off() {
    let project = project(
        "
        //- project.yml
        name: shop
        target: dev
        targets:
          dev: {type: duckdb, path: shop.duckdb}
        models:
          shop:
            old:
              +lint: {off: [missing-description]}
        //- models/old/a.sql
        {{ config(lint={'off': 'missing-key-test'}) }}
        select 1 as id union all select 2
        //- models/b.sql
        {{ config(meta={'lint': {'off': ['missing-key-test', 'missing-description']}}) }}
        select 1 as id union all select 2
        ",
    );
    assert_eq!(found(&project, "missing-key-test"), [""; 0]);
    assert_eq!(found(&project, "missing-description"), [""; 0]);
}

#[test]
fn a_dbt_project_says_it_among_its_variables() {
    let project = project(
        "
        //- dbt_project.yml
        name: shop
        config-version: 2
        profile: shop
        vars:
          tidemill_lint:
            rules: {missing-description: error}
        //- profiles.yml
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: shop.duckdb}
        //- models/a.sql
        select 1 as id
        ",
    );
    project.run("lint --rule missing-description").exit(1);
}

#[test]
fn a_comment_without_names_may_be_for_another_linter_in_a_dbt_project() {
    let text = "
        //- dbt_project.yml
        name: shop
        config-version: 2
        profile: shop
        VARS
        //- profiles.yml
        shop:
          target: dev
          outputs:
            dev: {type: duckdb, path: shop.duckdb}
        //- models/a.sql
        select
            1 as id  -- noqa
        ";
    let plain = project(&text.replace("VARS", ""));
    assert_eq!(headlines(&plain.run("lint"), "unused-noqa"), [""; 0]);
    let set_up = project(&text.replace("VARS", "vars: {tidemill_lint: {}}"));
    assert_eq!(
        headlines(&set_up.run("lint"), "unused-noqa"),
        ["models/a.sql:2:17: this `noqa` silences nothing"]
    );
}

#[test]
fn comments_silence_their_lines() {
    let project = project(
        "
        //- models/a.sql
        select
            case when x_id = 17 then 1 end as a,  -- noqa
            case when x_id = 18 then 1 end as b,  -- noqa: hard-coded-id, bare-union: both
            case when x_id = 19 then 1 end as c,  {# noqa: hard-coded-id #}
            case when x_id = 20 then 1 end as d,  /* noqa: hard-coded-name */
            '-- noqa' as e, case when x_id = 21 then 1 end as f
        from (select 5 as x_id)
        ",
    );
    assert_eq!(
        found(&project, "hard-coded-id"),
        [
            "models/a.sql:5:22: `a` compares `x_id` with `20`",
            "models/a.sql:6:38: `a` compares `x_id` with `21`",
        ]
    );
}

#[test]
fn a_comment_in_yaml_silences_what_is_found_there() {
    let project = project(
        "
        //- models/a.sql
        select 1 as id
        //- models/a.yml
        models:
          - name: a  # noqa: missing-description it is obvious
        ",
    );
    assert_eq!(found(&project, "missing-description"), [""; 0]);
}

#[test]
fn comments_that_silence_nothing_are_found_if_their_rules_ran() {
    let project = project(
        "
        //- models/a.sql
        {{ config(lint={'off': ['missing-description']}) }}
        select 1 as id,  -- noqa
            2 as x,  -- noqa: hard-coded-id
            3 as y,  -- noqa: hard-codet-id
            4 as z  -- noqa: LT01, layout.spacing
        ",
    );
    let all = project.run("lint");
    assert_eq!(
        headlines(&all, "unused-noqa"),
        [
            "models/a.sql:2:21: this `noqa` silences nothing",
            "models/a.sql:3:23: `hard-coded-id` finds nothing on this line",
        ]
    );
    assert_eq!(
        headlines(&all, "unknown-noqa"),
        ["models/a.sql:4:23: `noqa` names `hard-codet-id`, which is no rule"]
    );
    // One rule alone can be judged, all of them cannot.
    let some = project.run("lint --rule unused-noqa hard-coded-id");
    assert_eq!(
        headlines(&some, "unused-noqa"),
        ["models/a.sql:3:23: `hard-coded-id` finds nothing on this line"]
    );
    // With another linter in the project, a comment without names may be for it.
    project.write(".sqlfluff", "[sqlfluff]\n");
    assert_eq!(
        headlines(&project.run("lint"), "unused-noqa"),
        ["models/a.sql:3:23: `hard-coded-id` finds nothing on this line"]
    );
}

#[test]
fn only_what_is_selected_is_found_but_use_is_seen_in_the_whole() {
    let project = project(
        "
        //- models/staging/a.sql
        select 1 as id, 2 as used, 3 as left_over
        //- models/marts/b.sql
        select used from {{ ref('a') }} where id = 1
        //- macros/m.sql
        {% macro nobody() %}1{% endmacro %}
        ",
    );
    assert_eq!(
        headlines(&project.run("lint -s a"), "unused-staging-column"),
        ["models/staging/a.sql:1:28: nothing reads the column `left_over` of the staging model `a`"]
    );
    assert_eq!(headlines(&project.run("lint -s b"), "unused-staging-column"), [""; 0]);
    assert_eq!(headlines(&project.run("lint -s b"), "unused-macro"), [""; 0]);
    assert_eq!(
        headlines(&project.run("lint"), "unused-macro"),
        ["macros/m.sql:1:10: nothing calls the macro `nobody`"]
    );
}

#[test]
fn findings_are_json_lines_and_go_to_report_files() {
    let project = project(
        "
        //- models/a.sql
        select x from (select 1 as x) where x = null
        ",
    );
    let lines = project.run("lint --rule null-comparison --log-format json --report sarif=lint.sarif");
    lines.exit(1);
    let line: serde_json::Value = lines
        .stdout
        .lines()
        .map(|it| serde_json::from_str::<serde_json::Value>(it).unwrap())
        .find(|it| it.to_string().contains("null-comparison"))
        .unwrap();
    assert!(line.to_string().contains("\"models/a.sql\""), "{line}");
    let sarif: serde_json::Value = serde_json::from_str(&project.read("lint.sarif")).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "null-comparison");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startColumn"], 41);
}

#[test]
fn a_query_that_is_no_sql_is_an_error_and_others_are_looked_at() {
    let project = project(
        "
        //- models/a.sql
        selec 1
        //- models/b.sql
        select x from (select 1 as x) where x = null
        ",
    );
    let outcome = project.run("lint");
    outcome.exit(1).stderr_has("error[sql-error]: syntax error at or near \"selec\"");
    assert_eq!(headlines(&outcome, "null-comparison").len(), 1);
}

#[test]
fn what_a_macro_of_the_project_writes_is_found_once_in_the_macro() {
    let project = project(
        "
        //- macros/special.sql
        {% macro special(column) %}{{ column }} in (17, 42){% endmacro %}
        //- models/a.sql
        select 1 as customer_id
        //- models/b.sql
        select * from {{ ref('a') }} where {{ special('customer_id') }}
        //- models/c.sql
        select * from {{ ref('a') }} where {{ special('customer_id') }}
        ",
    );
    assert_eq!(
        found(&project, "hard-coded-id"),
        ["macros/special.sql:1:45: `b` compares `customer_id` with `17` and `42`"]
    );
}

#[test]
fn what_a_macro_only_passes_on_is_found_where_it_is_called() {
    let project = project(
        "
        //- macros/twice.sql
        {% macro twice(sql) %}({{ sql }} + {{ sql }}){% endmacro %}
        //- models/a.sql
        select 1 as id
        //- models/b.sql
        select {{ twice('random()') }} as x from {{ ref('a') }}
        ",
    );
    assert_eq!(
        found(&project, "unstable-function"),
        ["models/b.sql:1:11: `b` comes out otherwise each time"]
    );
}

#[test]
fn what_a_package_writes_is_not_found() {
    let project = project(
        "
        //- packages.yml
        packages:
          - local: shared
        //- shared/dbt_project.yml
        name: shared
        config-version: 2
        //- shared/macros/m.sql
        {% macro special(column) %}{{ column }} in (17, 42){% endmacro %}
        {% macro unused() %}1{% endmacro %}
        //- models/a.sql
        select customer_id from (select 1 as customer_id) where {{ shared.special('customer_id') }}
        ",
    );
    project.run("deps").exit(0);
    assert_eq!(found(&project, "hard-coded-id"), [""; 0]);
    assert_eq!(found(&project, "unused-macro"), [""; 0]);
}

#[test]
fn an_ephemeral_model_is_looked_at_once() {
    let project = project(
        "
        //- models/part.sql
        {{ config(materialized='ephemeral') }}
        select 1 as id where 1 = null
        //- models/whole.sql
        select id from {{ ref('part') }}
        ",
    );
    assert_eq!(found(&project, "null-comparison"), ["models/part.sql:2:26: `part` compares with null"]);
}

#[test]
fn values_from_variables_and_loops_are_no_literals() {
    check("hard-coded-id", "select id from {{ ref('a') }} where b_id = {{ var('x', 17) }}", &[]);
    check(
        "hard-coded-id",
        "select {% for i in [17, 18] %}sum(case when b_id = {{ i }} then 1 end) as n_{{ i }},{% endfor %} 1 as x from {{ ref('a') }}",
        &[],
    );
    check("hard-coded-date", "select id from {{ ref('a') }} where day > '{{ var('d', '2024-01-01') }}'", &[]);
    check("hard-coded-rate", "select amount * {{ var('vat', 1.19) }} as x from {{ ref('b') }}", &[]);
}

#[test]
fn placeholders_are_no_ids() {
    check("hard-coded-id", "select id from {{ ref('a') }} where b_id in (0, -1, 1)", &[]);
    check("hard-coded-id", "select id from {{ ref('a') }} where name = 'unknown'", &[]);
    check(
        "hard-coded-id",
        "select id from {{ ref('a') }} where 'C17' <> cast(b_id as varchar) and b_id <> 17",
        &["1:80: `m` compares `b_id` with `17`"],
    );
}

#[test]
fn short_lists_and_calendars_are_no_data() {
    check("hard-coded-list", "select id from {{ ref('a') }} where name in ('x', 'y', 'z')", &[]);
    check("hard-coded-list", "select id from {{ ref('a') }} where month(day) in (1, 2, 3, 10, 11, 12)", &[]);
    check(
        "hard-coded-list",
        "select id from {{ ref('a') }} where name in ('w', 'x', 'y', 'z')",
        &["1:46: `m` lists 4 values of `name`"],
    );
    check(
        "hard-coded-list",
        "select * from (values (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')) as t(id, name)",
        &["1:24: `m` has 4 rows of data in it"],
    );
    let case = "select case when amount < 10 then 'small' when amount < 20 then 'medium' when amount < 30 then 'large' \
                when amount < 40 then 'huge' end as size from {{ ref('b') }}";
    check("hard-coded-list", case, &["1:8: `m` looks up 4 values by `amount` in a `case`"]);
    let computed = case.replace("'huge'", "upper(kind)");
    check("hard-coded-list", &computed, &[]);
}

#[test]
fn units_are_no_rates() {
    check(
        "hard-coded-rate",
        "select amount * 100 / 60.0 + round(amount / 365.25, 2) * 0.01 as x from {{ ref('b') }}",
        &[],
    );
    check("hard-coded-rate", "select quantile_cont(amount, 0.95) as x from {{ ref('b') }}", &[]);
    check(
        "hard-coded-rate",
        "select amount * (1 - 0.15) as x, amount * 19 / 100 as y, 0.07 as vat_rate from {{ ref('b') }}",
        &[
            "1:22: `m` has the rate 0.15 in it",
            "1:43: `m` has the rate 19 in it",
            "1:58: `m` has the rate 0.07 in it",
        ],
    );
}

#[test]
fn the_first_and_the_last_day_are_no_dates() {
    check(
        "hard-coded-date",
        "select id from {{ ref('a') }} where day < date '9999-12-31' and day > '1900-01-01'",
        &[],
    );
    check(
        "hard-coded-date",
        "select id from {{ ref('a') }} where day between '2024-01-01' and cast('2024-12-31' as date) or year(day) = 2023",
        &[
            "1:49: `m` depends on the date 2024-01-01",
            "1:71: `m` depends on the date 2024-12-31",
            "1:108: `m` depends on the date 2023",
        ],
    );
}

#[test]
fn the_engines_own_tables_and_ctes_are_no_relations_of_the_project() {
    check(
        "hard-coded-relation",
        "with x as (select 1 as id) select id from x, information_schema.tables",
        &[],
    );
    check(
        "hard-coded-relation",
        "select b.id from {{ ref('b') }} as b, main.a",
        &["1:39: `m` reads `main.a` by its own name"],
    );
}

#[test]
fn joins_that_need_no_key() {
    let good = [
        "from {{ ref('a') }} as a, {{ ref('b') }} as b where a.b_id = b.id",
        "from {{ ref('a') }} as a cross join (select max(amount) as m from {{ ref('b') }}) as b",
        "from {{ ref('a') }} as a cross join range(3) as b",
        "from {{ ref('a') }} as a cross join (select range as n from range(3)) as b",
        "from {{ ref('a') }} as a left join lateral (select * from {{ ref('b') }} as c where c.id = a.b_id) as b on true",
        "from {{ ref('a') }} as a cross join (select id from {{ ref('b') }} limit 1) as b",
        "from {{ ref('b') }} as b left join {{ ref('a') }} as a on a.id = 1",
        "from {{ ref('a') }} as a join {{ ref('b') }} as b on a.day > b.seen_at",
        "from {{ ref('a') }} as a join {{ ref('b') }} as b using (id)",
        "from {{ ref('a') }} as a join {{ ref('b') }} as b on a.b_id = (select max(c.id) from {{ ref('b') }} as c)",
    ];
    for from in good {
        check("join-without-key", &format!("select a.id {from}"), &[]);
    }
    check(
        "join-without-key",
        "select a.id from {{ ref('a') }} as a cross join {{ ref('b') }} as b",
        &["1:44: `m` joins every row with every row"],
    );
    check(
        "join-without-key",
        "select a.id from {{ ref('a') }} as a left join {{ ref('b') }} as b on true",
        &["1:71: `m` joins on a condition that does not relate the two sides"],
    );
    check(
        "join-without-key",
        "select a.id from {{ ref('a') }} as a left join {{ ref('b') }} as b on a.id = a.b_id",
        &["1:71: `m` joins on a condition that does not relate the two sides"],
    );
    check(
        "join-without-key",
        "select a.id from {{ ref('a') }} as a, {{ ref('b') }} as b where a.id > 1",
        &["1:42: `m` joins every row with every row"],
    );
}

#[test]
fn a_side_that_has_its_key_once_doubles_nothing() {
    let once = [
        // Tested.
        "select b.id, a.name from {{ ref('b') }} as b left join {{ ref('a') }} as a on a.id = b.id",
        "select b.id, a.name from {{ ref('a') }} as a left join {{ ref('b') }} as b on a.id = b.id",
        "select b.id, a.name from {{ ref('b') }} as b left join {{ ref('a') }} as a using (id)",
        // Renamed and filtered.
        "with a as (select id as a_id, name from {{ ref('a') }} where flag) select b.id, a.name from {{ ref('b') }} as b join a on a.a_id = b.id",
        // By the query.
        "with c as (select id, sum(amount) as s from {{ ref('b') }} group by 1) select b.kind, c.s from {{ ref('b') }} as b join c on c.id = b.id",
        "with c as (select id, sum(amount) as s from {{ ref('b') }} group by all) select b.kind, c.s from {{ ref('b') }} as b join c on c.id = b.id",
        "with c as (select distinct id from {{ ref('b') }}) select b.kind from {{ ref('b') }} as b join c on c.id = b.id",
        "with c as (select *, row_number() over (partition by id order by seen_at) as n from {{ ref('b') }}), d as (select * from c where n = 1) \
         select b.kind from {{ ref('b') }} as b join d on d.id = b.id",
        "with c as (select * from {{ ref('b') }} qualify row_number() over (partition by id order by seen_at) = 1) \
         select b.kind from {{ ref('b') }} as b join c on c.id = b.id",
        "with c as (select distinct on (id) * from {{ ref('b') }} order by id, seen_at) select b.kind from {{ ref('b') }} as b join c on c.id = b.id",
        // Through a join that doubles nothing.
        "with c as (select a.id, d.kind from {{ ref('a') }} as a left join (select id, max(kind) as kind from {{ ref('b') }} group by id) as d on d.id = a.b_id) \
         select b.kind from {{ ref('b') }} as b join c on c.id = b.id",
        // Semi joins double nothing, and what is unclear is not judged.
        "select b.kind from {{ ref('b') }} as b semi join {{ ref('b') }} as c on c.kind = b.kind",
        "select b.kind from {{ ref('b') }} as b join {{ ref('b') }} as c on c.kind = b.kind and c.seen_at > b.seen_at",
    ];
    for sql in once {
        check("join-fan-out", sql, &[]);
    }
    check(
        "join-fan-out",
        "select b.id from {{ ref('a') }} as a join {{ ref('b') }} as b on b.id = a.b_id",
        &["1:38: `m` joins `b` by `id`, and neither side is known to have its key once"],
    );
    check(
        "join-fan-out",
        "with c as (select id, kind from {{ ref('b') }}) select c.id from {{ ref('a') }} as a join c on c.id = a.b_id",
        &["1:86: `m` joins `b` by `id`, and neither side is known to have its key once"],
    );
}

#[test]
fn keys_are_known_through_models() {
    let project = project(
        "
        //- seeds/b.csv
        id,kind,amount
        1,x,2.5
        //- models/sums.sql
        select id as b_id, sum(amount) as amount from {{ ref('b') }} group by id
        //- models/passed.sql
        select b_id, amount as total from {{ ref('sums') }}
        //- models/joined.sql
        select b.kind, passed.total from {{ ref('b') }} as b left join {{ ref('passed') }} as passed on passed.b_id = b.id
        ",
    );
    assert_eq!(found(&project, "join-fan-out"), [""; 0]);
}

#[test]
fn conditions_that_keep_rows_without_a_partner() {
    let join = "select a.id from {{ ref('a') }} as a left join {{ ref('b') }} as b on b.id = a.b_id";
    for good in [
        "b.id is null",
        "b.amount > 1 or b.id is null",
        "coalesce(b.amount, 0) > 1",
        "a.id > 1",
        "b.kind is distinct from 'x'",
    ] {
        check("outer-join-undone", &format!("{join} where {good}"), &[]);
    }
    for bad in ["b.amount > 1", "b.kind in ('x', 'y')", "b.kind like 'x%'", "b.id is not null"] {
        check(
            "outer-join-undone",
            &format!("{join} where {bad}"),
            &["1:91: `m` joins `b` with a left join, and then leaves out the rows without a `b`"],
        );
    }
}

#[test]
fn queries_without_nulls_may_stand_after_not_in() {
    let head = "select id from {{ ref('b') }} where id not in";
    for good in [
        "(select id from {{ ref('a') }})",
        "(select b_id from {{ ref('a') }} where b_id is not null)",
        "(select b_id from {{ ref('a') }} where b_id > 3)",
        "(1, 2)",
        "(select count(*) from {{ ref('a') }})",
    ] {
        check("not-in-nullable", &format!("{head} {good}"), &[]);
    }
    check(
        "not-in-nullable",
        &format!("{head} (select b_id from {{{{ ref('a') }}}})"),
        &["1:40: `m` finds no row as soon as one `b_id` is null"],
    );
}

#[test]
fn names_that_say_whose_they_are() {
    let join = "from {{ ref('a') }} as a join {{ ref('b') }} as b";
    for good in [
        format!("select id, a.name {join} using (id)"),
        format!("select a.name as label {join} on b.id = a.b_id order by label"),
        format!("select a.id, current_date as today {join} on b.id = a.b_id"),
        "select name from {{ ref('a') }} semi join {{ ref('b') }} as b on b.id = a.b_id"
            .replace("a.b_id", "b.id"),
        "select name, n from {{ ref('a') }}, range(3) as r(n)".to_owned(),
        format!("select list_transform([1], x -> x + a.id) as l {join} on b.id = a.b_id"),
        "select rowid as nr, a.name from {{ ref('a') }} as a join (select 1 as i) as s on s.i = a.id"
            .to_owned(),
    ] {
        check("ambiguous-column", &good, &[]);
    }
    check(
        "ambiguous-column",
        &format!("select name, amount {join} on b.id = b_id"),
        &["1:8: `m` joins tables and does not say whose `name`, `amount` and `b_id` are"],
    );
}

#[test]
fn time_stamps_and_orders_that_are_decided() {
    check(
        "unstable-function",
        "select id, now() as loaded_at, cast(current_timestamp as timestamp) as made_ts from {{ ref('a') }}",
        &[],
    );
    check(
        "unstable-function",
        "select id, {{ dbt.current_timestamp() }} as loaded_at from {{ ref('a') }}",
        &[],
    );
    check(
        "unstable-function",
        "select id, current_date - day as age, uuid() as u from {{ ref('a') }}",
        &["1:12: `m` depends on when it is made", "1:39: `m` comes out otherwise each time"],
    );
    check("unstable-order", "select id from {{ ref('a') }} order by id limit 5", &[]);
    check("unstable-order", "select id from {{ ref('a') }} limit 0", &[]);
    check(
        "unstable-order",
        "select first(name order by day) as f, sum(id) over () as s from {{ ref('a') }} group by id",
        &[],
    );
    check(
        "unstable-order",
        "select id, any_value(name) as n, lag(id) over () as l from {{ ref('a') }} group by id limit 5",
        &[
            "1:12: `m` takes whichever row `any_value` meets",
            "1:34: `m` has a `lag` over rows in no order",
            "1:87: `m` keeps some rows and does not say which",
        ],
    );
    check(
        "order-by-in-subquery",
        "select list(name) as names from (select name from {{ ref('a') }} order by name)",
        &[],
    );
    check(
        "order-by-in-subquery",
        "select array(select name from {{ ref('a') }} order by name) as names",
        &[],
    );
    check("order-by-in-subquery", "select id from {{ ref('a') }} order by id", &[]);
}

#[test]
fn unions_that_say_what_they_want() {
    check("bare-union", "select 1 as x union distinct select 2 union all by name select 3 as x", &[]);
    check(
        "bare-union",
        "with recursive r as (select 1 as n union select n + 1 from r where n < 5) select n from r",
        &[],
    );
    check(
        "star-in-union",
        "from {{ ref('a') }} union all from {{ ref('b') }}",
        &["1:9: `m` puts columns together by their positions, but does not list them"],
    );
    check(
        "star-in-union",
        "select * from {{ ref('a') }} union all by name select * from {{ ref('b') }}",
        &[],
    );
    check(
        "star-in-union",
        "select * from {{ ref('a') }} where id = 1 union all select * from {{ ref('a') }} where id = 2",
        &[],
    );
}

#[test]
fn ctes_are_used_through_each_other_and_where_they_are_hidden() {
    check("unused-cte", "with x as (select 1 as id), y as (select id from x) select id from y", &[]);
    check(
        "unused-cte",
        "with x as (select 1 as id) select id from {{ ref('a') }} where id in (select id from x)",
        &[],
    );
    check(
        "unused-cte",
        "with x as (select 1 as id), y as (select id from x), z(i) as (select 2) select id from {{ ref('a') }}",
        &[
            "1:6: `m` never reads its common table expression `x`",
            "1:29: `m` never reads its common table expression `y`",
            "1:54: `m` never reads its common table expression `z`",
        ],
    );
}

#[test]
fn columns_that_tests_and_config_name_are_used() {
    let project = project(
        "
        //- models/staging/sources.yml
        sources:
          - name: raw
            tables:
              - name: t
                config: {loaded_at_field: loaded_at}
                columns:
                  - {name: id, data_type: integer}
                  - {name: loaded_at, data_type: timestamp}
                  - {name: kind, data_type: varchar, data_tests: [not_null]}
                  - {name: rest, data_type: varchar}
        //- models/staging/stg_t.sql
        select id, id + 1 as next_id, id + 2 as third, id + 3 as fourth from {{ source('raw', 't') }}
        //- models/staging/stg_t.yml
        models:
          - name: stg_t
            columns:
              - {name: third, data_tests: [not_null]}
        //- models/marts/m.sql
        select id from {{ ref('stg_t') }}
        //- tests/next.sql
        select next_id from {{ ref('stg_t') }} where false
        ",
    );
    assert_eq!(
        found(&project, "unused-source-column"),
        ["models/staging/sources.yml:10:20: no model reads the column `rest` of the source `raw.t`"]
    );
    assert_eq!(
        found(&project, "unused-staging-column"),
        ["models/staging/stg_t.sql:1:48: nothing reads the column `fourth` of the staging model `stg_t`"]
    );
}

#[test]
fn both_queries_of_an_incremental_model_are_looked_at() {
    let project = project(
        "
        //- models/stg_a.sql
        select 1 as id, 2 as version, 3 as left_over
        //- models/marts/b.sql
        {{ config(materialized='incremental', unique_key='id') }}
        with newest as (select max(id) as id from {{ this }})
        select id from {{ ref('stg_a') }}
        {% if is_incremental() %}
        where version = null and id > (select id from newest)
        {% endif %}
        ",
    );
    assert_eq!(found(&project, "null-comparison"), ["models/marts/b.sql:5:17: `b` compares with null"]);
    assert_eq!(found(&project, "unused-cte"), [""; 0]);
    assert_eq!(
        found(&project, "unused-staging-column"),
        ["models/stg_a.sql:1:31: nothing reads the column `left_over` of the staging model `stg_a`"]
    );
}

#[test]
fn models_at_the_end_are_used_where_nothing_says_what_people_read() {
    let models = "
        //- models/stg_a.sql
        select 1 as id
        //- models/stg_b.sql
        select 1 as id
        //- models/orders.sql
        select id from {{ ref('stg_a') }}
        ";
    let plain = project(models);
    assert_eq!(found(&plain, "unused-model"), ["models/stg_b.sql:1:1: nothing reads the model `stg_b`"]);
    let marts = project(&format!(
        "{models}\n        //- models/marts/m.sql\n        select id from {{{{ ref('stg_b') }}}}\n"
    ));
    assert_eq!(found(&marts, "unused-model"), ["models/orders.sql:1:1: nothing reads the model `orders`"]);
}

#[test]
fn macros_that_others_call_are_used() {
    let project = project(
        "
        //- macros/m.sql
        {% macro generate_schema_name(name, node) %}main{% endmacro %}
        {% macro pick() %}{{ adapter.dispatch('pick')() }}{% endmacro %}
        {% macro default__pick() %}1{% endmacro %}
        {% macro by_name() %}1{% endmacro %}
        {% macro twice() %}{{ twice() }}{% endmacro %}
        {% test mine(model) %}select 1 from {{ model }} where false{% endtest %}
        //- macros/m.yml
        macros:
          - name: twice
        //- models/a.sql
        select {{ pick() }} as id, {{ context['by_name']() }} as x
        ",
    );
    assert_eq!(found(&project, "unused-macro"), ["macros/m.sql:5:10: nothing calls the macro `twice`"]);
}

#[test]
fn a_key_needs_both_tests_and_one_row_needs_none() {
    let project = project(
        "
        //- seeds/s.csv
        id
        1
        //- models/single.sql
        select count(*) as n from {{ ref('s') }}
        //- models/nullable.sql
        select id from {{ ref('s') }}
        //- models/tested.sql
        select id from {{ ref('s') }}
        //- models/combined.sql
        select id, id as other from {{ ref('s') }}
        //- models/models.yml
        models:
          - name: nullable
            columns:
              - {name: id, data_tests: [unique]}
          - name: tested
            columns:
              - {name: id, data_tests: [unique, not_null]}
          - name: combined
            data_tests:
              - unique_combination_of_columns:
                  arguments: {combination_of_columns: [id, other]}
        ",
    );
    assert_eq!(
        found(&project, "missing-key-test"),
        ["models/models.yml:2:11: the key `id` of `nullable` is tested with unique, but not with not_null"]
    );
}
