//! `adapter`, `api`, relations and columns, with a real warehouse behind them.

use tidemill::template::Mode;

use crate::template_world::{Connection, check, check_error, render, render_in};

#[test]
fn relations_are_found_in_the_warehouse() {
    check(
        "{% set r = adapter.get_relation('memory', 'main', 'BIG_ORDERS') %}{{ r }} {{ r.type }} {{ r.is_view }} {{ r.is_table }}",
        "\"memory\".\"main\".\"big_orders\" view True False",
    );
    check("{{ adapter.get_relation(database='memory', schema='main', identifier='nope') is none }}", "True");
    check(
        "{{ load_relation(ref('orders')).type if load_relation is defined else adapter.load_relation(ref('orders')).type }}",
        "table",
    );
    check(
        "{% for r in adapter.list_relations('memory', 'main') %}{{ r.name }} {% endfor %}",
        "big_orders orders",
    );
    check(
        "{% for r in adapter.list_relations_without_caching(api.Relation.create(database='memory', schema='other')) %}{{ r }}{% endfor %}",
        "\"memory\".\"other\".\"people\"",
    );
    check(
        "{{ 'other' in adapter.list_schemas('memory') }} {{ adapter.check_schema_exists('memory', 'OTHER') }} {{ adapter.check_schema_exists('memory', 'x') }}",
        "True True False",
    );
    check(
        "{{ adapter.already_exists('main', 'orders') }} {{ adapter.already_exists('main', 'x') }}",
        "True False",
    );
}

#[test]
fn relations_are_made_changed_and_dropped() {
    check(
        "{% do adapter.create_schema(api.Relation.create(database='memory', schema='new')) %}\
         {% do run_query('create table new.a as select 1 as x') %}\
         {% set a = api.Relation.create(database='memory', schema='new', identifier='a', type='table') %}\
         {% set b = a.incorporate(path={'identifier': 'b'}) %}\
         {% do adapter.rename_relation(a, b) %}{{ adapter.get_relation('memory', 'new', 'a') is none }} \
         {% do adapter.truncate_relation(b) %}{{ run_query('from new.b') | length }} \
         {% do adapter.drop_relation(b) %}{{ adapter.list_relations('memory', 'new') | length }} \
         {% do adapter.drop_schema(b) %}{{ adapter.check_schema_exists('memory', 'new') }}",
        "True 0 0 False",
    );
    check_error(
        "",
        "{% do adapter.drop_relation(ref('orders')) %}",
        &[
            "template-call: it is not known whether \"memory\".\"main\".\"orders\" is a table or a view: `type` is missing",
            "model.sql:1:7",
        ],
    );
}

#[test]
fn columns_are_those_of_the_warehouse() {
    check(
        "{% for c in adapter.get_columns_in_relation(ref('orders')) %}{{ c.name }}:{{ c.dtype }}:{{ c.data_type }}:{{ c.is_string() }}:{{ c.is_number() }} {% endfor %}",
        "id:INTEGER:INTEGER:False:True price:DECIMAL(10,2):DECIMAL(10,2):False:False day:DATE:DATE:False:False \
         moment:TIMESTAMP:TIMESTAMP:False:False who:VARCHAR:character varying(256):True:False paid:BOOLEAN:BOOLEAN:False:False",
    );
    check("{{ adapter.get_columns_in_relation(ref('nope')) }}", "[]");
    check(
        "{{ adapter.get_missing_columns(ref('orders'), ref('big_orders')) | map(attribute='quoted') | join(' ') }}",
        "\"day\" \"moment\" \"who\" \"paid\"",
    );
    check(
        "{{ adapter.get_column_schema_from_query('select * from other.people') | map(attribute='name') | list }}",
        "['name', 'address.street', 'address.number']",
    );
    check(
        "{% set t = run_query('select 1 as a, 1.5 as b, true as c') %}{% for i in range(3) %}{{ adapter.convert_type(t, i) }} {% endfor %}",
        "integer float8 boolean",
    );
    check_error(
        "",
        "{{ adapter.get_columns_in_relation('orders') }}",
        &[
            "template-call: `get_columns_in_relation()` needs a relation for `relation`, not a text",
            "model.sql:1:4",
        ],
    );
}

#[test]
fn column_objects_tell_about_types() {
    check(
        "{% set c = api.Column('n', 'numeric', none, 10, 2) %}{{ c.data_type }} {{ c.is_numeric() }} {{ c.literal(5) }} {{ api.Column.create('x', 'string').dtype }}",
        "numeric(10,2) True 5::numeric(10,2) TEXT",
    );
    check(
        "{% set c = api.Column.from_description('n', 'varchar(20)') %}{{ c.char_size }} {{ c.string_size() }} {{ c.data_type }} {{ api.Column('s', 'varchar').can_expand_to(c) }}",
        "20 20 character varying(20) False",
    );
    check(
        "{{ api.Column.string_type(3) }} {{ api.Column.numeric_type('decimal', 5, 1) }} {{ api.Column('a', 'int') == api.Column('a', 'int') }}",
        "character varying(3) decimal(5,1) True",
    );
    check(
        "{{ api.Column('a', 'INTEGER') }}",
        "DuckDBColumn(column='a', dtype='INTEGER', char_size=None, numeric_precision=None, numeric_scale=None, fields=[])",
    );
    check_error(
        "",
        "{{ api.Column('a', 'int').string_size() }}",
        &["template-call: `string_size()`: the column `a` is no text", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ api.Column('a', 'int').is_sting() }}",
        &["template-call: a column has no method `is_sting`", "model.sql:1:4", "did you mean `is_string`?"],
    );
}

#[test]
fn relation_objects_have_all_parts() {
    check(
        "{{ this.database }} {{ this.schema }} {{ this.identifier }} {{ this.name }} {{ this.table }} {{ this.type is none }}",
        "memory main orders orders orders True",
    );
    check(
        "{{ this.include(database=false) }} {{ this.quote(schema=false, identifier=false) }} {{ this.without_identifier() }} {{ this.include(false, false) }}",
        "\"main\".\"orders\" \"memory\".main.orders \"memory\".\"main\" \"orders\"",
    );
    check(
        "{{ this.information_schema('columns') }} {{ this.information_schema() }}",
        "\"memory\".INFORMATION_SCHEMA.columns \"memory\".INFORMATION_SCHEMA",
    );
    check(
        "{{ this.incorporate(path={'schema': none, 'database': none}, type='view').is_view }} {{ this.incorporate(path={'schema': none, 'database': none}) }} {{ this.replace_path(identifier='x') }}",
        "True \"orders\" \"memory\".\"main\".\"x\"",
    );
    check(
        "{{ this == ref('orders') }} {{ this == ref('other') }} {{ this in [ref('a'), ref('orders')] }} {{ this is not none }} {{ [this, ref('orders'), ref('x')] | unique | list | length }}",
        "True False True True 2",
    );
    check(
        "{{ this is mapping and this.get('metadata', {}).get('type', '').endswith('Relation') }} {{ 'text' is mapping }}",
        "True False",
    );
    check(
        "{{ this.matches(schema='MAIN') }} {{ this.matches('memory', 'x') }} {{ this.path.identifier }} {{ this.quote_policy.schema }} {{ api.Relation.create(identifier='a') }} {{ api.Relation.View }}",
        "True False orders True \"a\" view",
    );
    check(
        "{{ api.Relation.create(database='d', schema='s', identifier='a', type='external', quote_policy={'schema': false}) }} {{ api.Relation.scd_args(['a', 'b'], 'c') }}",
        "\"d\".s.\"a\" ['a', 'b', 'c']",
    );
    check(
        "{% set d = {this: 1} %}{{ d[ref('orders')] }} {{ tojson({'r': this}) }}",
        "1 {\"r\": \"\\\"memory\\\".\\\"main\\\".\\\"orders\\\"\"}",
    );
    check_error(
        "",
        "{{ this.rendr() }}",
        &["template-call: a relation has no method `rendr`", "model.sql:1:4", "did you mean `render`?"],
    );
    check_error(
        "",
        "{{ api.Relation.create(identifier='a', type='tabel') }}",
        &["template-call: `tabel` is not a kind of relation", "model.sql:1:4", "did you mean `table`?"],
    );
    check_error(
        "",
        "{{ api.Relation.create(schema=[]) }}",
        &["template-call: the schema of a relation must be a text, not a list", "model.sql:1:4"],
    );
}

#[test]
fn what_dbt_duckdb_adds_is_there() {
    check(
        "{{ adapter.location_exists('no_such_file.csv') }} {{ adapter.is_motherduck() }} {{ adapter.is_ducklake(this) }} {{ adapter.external_root() }} {{ adapter.disable_transactions() }}",
        "False False False . False",
    );
    check(
        "{{ adapter.external_write_options('out/a.csv', {'delimiter': ';'}) }}",
        "delimiter ';', format csv, header 1",
    );
    check(
        "{{ adapter.external_write_options('out/a.CSV.gz', {}) }} | {{ adapter.external_write_options('out/a', {'partition_by': 'x,y'}) }}",
        "format csv, compression gzip, header 1 | partition_by (x,y), format parquet",
    );
    check(
        "{{ adapter.external_read_location('out', {'partition_by': 'x,y', 'format': 'csv'}) }} {{ adapter.external_read_location('out.csv', {}) }}",
        "out/*/*/*.csv out.csv",
    );
    check(
        "{{ adapter.valid_incremental_strategies() }} {{ adapter.get_hard_deletes_behavior({'hard_deletes': 'invalidate'}) }} {{ adapter.quote_as_configured('a', 'schema') }} {{ adapter.quote_seed_column('a', false) }}",
        "['append', 'delete+insert', 'merge', 'microbatch'] invalidate \"a\" a",
    );
    check(
        "{{ adapter.render_raw_columns_constraints({'id': {'name': 'id', 'data_type': 'int', 'constraints': [{'type': 'not_null'}, {'type': 'check', 'expression': 'id > 0'}]}}) }}",
        "['id int not null check (id > 0)']",
    );
    check(
        "{{ adapter.render_raw_model_constraints([{'type': 'primary_key', 'columns': ['a', 'b']}, {'type': 'foreign_key', 'columns': ['a'], 'to': 'd.s.t', 'to_columns': ['x']}]) }}",
        "['primary key (a, b)', 'foreign key (a) references s.t (x)']",
    );
    check_error(
        "",
        "{{ adapter.get_hard_deletes_behavior({'hard_deletes': 'x'}) }}",
        &[
            "template-call: `hard_deletes` is `ignore`, `invalidate` or `new_record`, not `x`",
            "model.sql:1:4",
        ],
    );
    check_error(
        "",
        "{{ adapter.get_relations() }}",
        &[
            "template-call: `adapter` has no method `get_relations`",
            "model.sql:1:4",
            "did you mean `get_relation`?",
        ],
    );
}

#[test]
fn a_project_may_have_its_own_macro_for_a_method() {
    let macros = "{% macro duckdb__list_schemas(database) %}{{ return(['mine', database]) }}{% endmacro %}\
                  {% macro default__create_schema(relation) %}{% do log('create ' ~ relation.schema) %}{% do adapter.create_schema(relation) %}{% endmacro %}";
    let template = "{{ adapter.list_schemas('d') }}{% do adapter.create_schema(this) %}";
    let rendering = render_in(Mode::Execute, Some(Connection::new()), macros, template);
    assert_eq!(
        (rendering.result.unwrap().as_str(), rendering.log),
        ("['mine', 'd']", vec!["create main".to_owned()])
    );
}

#[test]
fn the_rest_of_the_context_is_there() {
    check(
        "{{ graph.nodes['model.shop.a'].tags[0] }} {{ graph.nodes.values() | map(attribute='name') | list }} {{ selected_resources }} {{ dbt_metadata_envs.branch }}",
        "x ['a'] ['model.shop.a'] main",
    );
    check(
        "{{ invocation_args_dict.which }} {{ flags.WHICH }} {{ context['project_name'] }} {{ context.get('nope', 5) }} {{ database }}.{{ schema }} {{ sql_now }}",
        "build build shop 5 memory.main now()",
    );
    check(
        "{{ builtins.ref('x') }} {{ thread_id is string }} {{ dbt_version }} {{ column('a', 'int').name }} {{ write('x') }}{{ env.name }}",
        "\"memory\".\"main\".\"x\" True 1.11.16 a dev",
    );
    check(
        "{{ validation.any('a', 'b')('a') }} {{ try_or_compiler_error('no', fromjson, '[1]') }}",
        "None [1]",
    );
    check_error(
        "{% macro bad() %}{{ exceptions.raise_not_implemented('x') }}{% endmacro %}",
        "{{ try_or_compiler_error('my words', bad) }}",
        &["compilation-error: my words", "model.sql:1:4"],
    );
}

#[test]
fn exceptions_have_words_of_their_own() {
    check_error(
        "",
        "{{ exceptions.raise_compiler_error('stop') }}",
        &["compilation-error: stop", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ exceptions.missing_config(model, 'key') }}",
        &["missing-config: `model.shop.orders` needs the config `key`, which is not set", "model.sql:1:4"],
    );
    check_error(
        "",
        "{{ exceptions.relation_wrong_type(adapter.get_relation('memory', 'main', 'orders'), 'view') }}",
        &[
            "compilation-error: \"memory\".\"main\".\"orders\" is a table, where a view is wanted; drop it or rename it",
            "model.sql:1:4",
        ],
    );
    check_error(
        "",
        "{{ exceptions.raise_contract_error([{'name': 'a', 'data_type': 'int'}, {'name': 'b', 'data_type': 'int'}], [{'name': 'A', 'data_type': 'text'}, {'name': 'c', 'data_type': 'int'}]) }}",
        &[
            "contract-failed: the query does not keep its contract\n`A` is text, but the contract says int\n`c` (int) is in the query, but not in the contract\n`b` (int) is in the contract, but not in the query",
            "model.sql:1:4",
        ],
    );
    check_error(
        "",
        "{{ exceptions.raise_compile_error('x') }}",
        &[
            "template-call: `exceptions` has no method `raise_compile_error`",
            "model.sql:1:4",
            "did you mean `raise_compiler_error`?",
        ],
    );
    assert_eq!(render("{{ exceptions.warn('careful') }}").log, ["warning: careful"]);
}
