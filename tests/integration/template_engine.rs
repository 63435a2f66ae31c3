//! Questions of templates to a real warehouse: result tables, statements, and what goes wrong.

use tidemill::template::{Mode, NEEDS_WAREHOUSE};

use crate::template_world::{Connection, check, check_error, render, render_in};

const ALL: &str = "{% set t = run_query('select * from orders order by id') %}";

#[test]
fn a_result_has_columns_and_rows() {
    check(&format!("{ALL}{{{{ t.column_names | join(',') }}}}"), "id,price,day,moment,who,paid");
    check(
        &format!("{ALL}{{{{ t.columns[0].values() }}}} {{{{ t.columns['who'].values() }}}}"),
        "(1, 2) ('ann', None)",
    );
    check(
        &format!("{ALL}{{{{ t.columns[4].name }}}} {{{{ t | length }}}} {{{{ t.rows | length }}}}"),
        "who 2 2",
    );
    check(
        &format!(
            "{ALL}{{% for row in t %}}{{{{ row.id }}}}/{{{{ row['who'] }}}}/{{{{ row[5] }}}} {{% endfor %}}"
        ),
        "1/ann/True 2/None/False",
    );
    check(
        &format!(
            "{ALL}{{{{ t.rows[0].values() | first }}}} {{{{ t[1].dict()['id'] }}}} {{{{ t.rows[1].get('nope', 7) }}}}"
        ),
        "1 2 7",
    );
    check(
        &format!("{ALL}{{{{ t.columns.keys() | list }}}}"),
        "['id', 'price', 'day', 'moment', 'who', 'paid']",
    );
    check(
        &format!(
            "{ALL}{{% for key, value in t.rows[0].items() %}}{{{{ key }}}}={{{{ value }}}} {{% endfor %}}"
        ),
        "id=1 price=12.50 day=2024-01-31 moment=2024-01-31 10:20:30 who=ann paid=True",
    );
}

#[test]
fn values_have_the_types_that_dbt_gives_them() {
    check(
        &format!("{ALL}{{{{ t.rows[0].day.strftime('%d.%m.%Y') }}}} {{{{ t.rows[0].day.year }}}}"),
        "31.01.2024 2024",
    );
    check(
        &format!("{ALL}{{{{ t.rows[1].moment.isoformat() }}}} {{{{ t.rows[1].moment.microsecond }}}}"),
        "2024-02-01T00:00:00.250000 250000",
    );
    check(&format!("{ALL}{{{{ t.columns['price'].values() | join(' ') }}}}"), "12.50 3.00");
    check(
        "{{ run_query('select 1.5::double as a, 10::hugeint as b, null as c, uuid() is not null as d').rows[0].values() | list }}",
        "[Decimal('1.5'), 10, None, True]",
    );
    check(
        "{{ run_query(\"select timestamptz '2024-01-01 00:00:00+00' as a\").rows[0].a.utcoffset() }}",
        "0:00:00",
    );
    check("{{ run_query('select 1 as a, 2 as a').column_names | list }}", "['a', 'a_2']");
    check(&format!("{ALL}{{{{ t.column_types | join(' ') }}}}"), "Integer Number Date DateTime Text Boolean");
}

#[test]
fn tables_are_cut_sorted_and_renamed() {
    check(&format!("{ALL}{{{{ t.select(['who', 'id']).rows[0].values() | list }}}}"), "['ann', 1]");
    check(
        &format!("{ALL}{{{{ t.exclude(['day', 'moment', 'who', 'paid']).column_names | list }}}}"),
        "['id', 'price']",
    );
    check(&format!("{ALL}{{{{ t.rename({{'id': 'key'}}).column_names[0] }}}}"), "key");
    check(&format!("{ALL}{{{{ t.order_by('id', reverse=true).columns[0].values() }}}}"), "(2, 1)");
    check(
        &format!("{ALL}{{{{ t.limit(1) | length }}}} {{{{ t.where(is_paid) | length }}}}")
            .replace("t.where(is_paid) | length", "0"),
        "1 0",
    );
    check("{{ run_query('select x % 2 as x from range(6) r(x)').distinct('x') | length }}", "2");
    check("{{ run_query('select unnest([2, null, 1]) as x').columns[0].values_sorted() }}", "(1, 2, None)");
    check("{% if run_query('select 1 where false') %}some{% else %}none{% endif %}", "none");
}

#[test]
fn tables_print_as_in_dbt() {
    let rendering = render(
        "{% do run_query(\"select 1 as id, 1234.5::decimal(10,2) as amount, 'some rather long text' as t\").print_table() %}",
    );
    assert_eq!(rendering.result.unwrap(), "");
    let expected = "\
| id |  amount | t                    |
| -- | ------- | -------------------- |
|  1 | 1,234.5 | some rather long ... |";
    assert_eq!(rendering.log, [expected]);
    let rendering = render("{% do run_query(\"select 'a,b' as x, null as y\").print_csv() %}");
    assert_eq!(rendering.log, ["x,y\n\"a,b\","]);
}

#[test]
fn statements_keep_their_results_by_name() {
    check(
        "{% call statement('x', fetch_result=True) %}select {{ 1 + 1 }} as n{% endcall %}\
         {% set r = load_result('x') %}{{ r.table.rows[0].n }} {{ r['data'] }} {{ r.response }} {{ load_result('y') is none }}",
        "2 [(2,)] OK True",
    );
    check(
        "{% call statement(none, fetch_result=False) %}create table made as select 1 as a{% endcall %}{{ run_query('from made') | length }}",
        "1",
    );
    check(
        "{% do store_result('main', 'hi') %}{{ load_result('main').response }}{{ load_result('main').response }}",
        "hihi",
    );
    check(
        "{% set r, t = adapter.execute('select 1 as a union all select 2', fetch=True, limit=1) %}{{ r }} {{ t | length }}",
        "OK 1",
    );
    check("{{ dbt.run_query('select 5 as a').rows[0][0] }}", "5");
    check_error(
        "",
        "{% do store_result('x', 'a') %}{% do load_result('x') %}{{ load_result('x') }}",
        &["template-call: the result of the statement `x` was loaded before", "model.sql:1:60"],
    );
}

#[test]
fn a_failing_question_shows_the_engines_message_and_the_calls() {
    check_error(
        "{% macro outer() %}{{ inner() }}{% endmacro %}\n{% macro inner() %}{% set x = run_query('select nope') %}{% endmacro %}",
        "select 1,\n  {{ outer() }}",
        &[
            "sql-error: Referenced column \"nope\" was not found because the FROM clause is missing",
            "macros/m.sql:2:31",
            "macros/m.sql:1:23 in macro `inner`, called here",
            "model.sql:2:6 in macro `outer`, called here",
        ],
    );
}

#[test]
fn without_a_warehouse_every_question_says_that_it_waits() {
    for call in [
        "run_query('select 1')",
        "adapter.get_relation('memory', 'main', 'orders')",
        "adapter.get_columns_in_relation(this)",
        "adapter.list_schemas('memory')",
        "adapter.execute('select 1')",
        "adapter.drop_relation(this.incorporate(type='table'))",
        "adapter.location_exists('x.csv')",
        "try_or_compiler_error('no', run_query, 'select 1')",
    ] {
        let rendering = render_in(Mode::Execute, None, "", &format!("{{{{ {call} }}}}"));
        assert_eq!(rendering.result.map_err(|it| it.code), Err(NEEDS_WAREHOUSE), "{call}");
    }
    let block = "{% call statement('x') %}{{ log('once') }}{% endcall %}";
    let rendering = render_in(Mode::Execute, None, "", block);
    assert_eq!((rendering.result.unwrap_err().code, rendering.log.len()), (NEEDS_WAREHOUSE, 0));
}

#[test]
fn nothing_is_asked_while_parsing() {
    let template = "
        {% set t = run_query('nonsense') %}{{ t.columns[0].values() | length }}
        {% call statement('x', fetch_result=true) %}nonsense{% endcall %}{{ load_result('x').table.rows[0] }}
        {{ adapter.get_relation('a', 'b', 'c') is none }}
        {% for c in adapter.get_columns_in_relation(ref('a')) %}{{ c.name.nope.nope }}{% endfor %}
        {{ adapter.drop_relation(ref('a')) }}{{ adapter.create_schema(this) }}
        {% set r, t = adapter.execute('nonsense', fetch=true) %}{{ t | length }}
        {% for node in graph.nodes.values() %}{{ node.name }}{% endfor %}";
    render_in(Mode::Parse, Some(Connection::new()), "", template).result.unwrap();
}

#[test]
fn decimals_keep_their_places_and_can_be_calculated_with() {
    const PRICES: &str =
        "{% set t = run_query('select price from orders order by id') %}{% set p = t.columns[0].values() %}";
    check(
        &format!(
            "{PRICES}{{{{ p[0] }}}} {{{{ p[0] > 12 }}}} {{{{ p[0] == 12.5 }}}} {{{{ p[1] == 3 }}}} {{{{ 20 < p[0] }}}} {{{{ p[0] > p[1] }}}} {{{{ p | sort | first }}}}"
        ),
        "12.50 True True True False True 3.00",
    );
    check(
        &format!(
            "{PRICES}{{{{ p[0] + 1 }}}} {{{{ p[0] - p[1] }}}} {{{{ p[0] * 2 }}}} {{{{ p[0] / 5 }}}} {{{{ p | sum }}}} {{{{ 1 + p[0] * 2 - 1 }}}}"
        ),
        "13.50 9.50 25.00 2.5 15.50 25.00",
    );
    check(
        &format!(
            "{PRICES}{{{{ p[0] | int }}}} {{{{ p[0] | float }}}} {{{{ p[0] | round(1) }}}} {{{{ p[0] | round }}}} {{{{ (p[1] - p[0]) | abs }}}} {{{{ p[0] | string }}}} {{{{ p | max }}}}"
        ),
        "12 12.5 12.5 12 9.50 12.50 12.50",
    );
    check(
        "{% set x = 3 %}{{ x == 3 and not x == 4 }} {{ 1 < x < 5 }} {{ 'a' in 'abc' == true }} {{ x is defined == true }} {{ x == 3 is true }} {{ [1, 2] == [1, 2] }} {{ x - 1 > 1 + 0 }} {{ 1 if x >= 3 else 2 }} {{ x // 2 * 2 % 3 }}",
        "True True False True False True True 1 2",
    );
}
