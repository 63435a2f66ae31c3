{#- Seeds as macros: they are loaded so where a project has its own form of one of these macros. -#}

{% materialization seed, default %}
  {%- set is_full_refresh = should_full_refresh() -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set rows = load_agate_table() -%}
  {%- do store_result('agate_table', response='OK', agate_table=rows) -%}

  {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

  {%- if existing is none -%}
    {%- set made = create_csv_table(model, rows) -%}
  {%- elif existing.is_table -%}
    {%- set made = reset_csv_table(model, is_full_refresh, existing, rows) -%}
  {%- else -%}
    {%- do exceptions.raise_compiler_error('cannot load a seed into ' ~ existing ~ ', which is a view') -%}
  {%- endif -%}
  {%- set count = rows.rows | length -%}
  {%- set loaded = load_csv_rows(model, rows) if count else '' -%}
  {%- set code = 'CREATE' if is_full_refresh else 'INSERT' -%}
  {%- call noop_statement('main', code ~ ' ' ~ count, code, count) -%}
    {{ get_csv_sql(made, loaded) }};
  {%- endcall -%}

  {%- set target_relation = this.incorporate(type='table') -%}
  {%- do apply_grants(target_relation, config.get('grants'), should_revoke=should_revoke(existing, is_full_refresh)) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if is_full_refresh or existing is none -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=True) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=False) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}


{% macro create_csv_table(model, agate_table) -%}
  {%- do return(adapter.dispatch('create_csv_table', 'dbt')(model, agate_table)) -%}
{%- endmacro %}

{% macro default__create_csv_table(model, agate_table) -%}
  {%- set types = model['config'].get('column_types') or {} -%}
  {%- set quotes = model['config'].get('quote_columns') -%}
  {%- set columns = [] -%}
  {%- for name in agate_table.column_names -%}
    {%- set type = types.get(name) or adapter.convert_type(agate_table, loop.index0) -%}
    {%- do columns.append(adapter.quote_seed_column(name, quotes) ~ ' ' ~ type) -%}
  {%- endfor -%}
  {%- set sql = 'create table ' ~ this ~ ' (' ~ columns | join(', ') ~ ')' -%}
  {%- call statement('_') -%}{{ sql }}{%- endcall -%}
  {%- do return(sql) -%}
{%- endmacro %}

{% macro reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {%- do return(
    adapter.dispatch('reset_csv_table', 'dbt')(model, full_refresh, old_relation, agate_table)
  ) -%}
{%- endmacro %}

{% macro default__reset_csv_table(model, full_refresh, old_relation, agate_table) -%}
  {%- if full_refresh -%}
    {%- do adapter.drop_relation(old_relation) -%}
    {%- do return(create_csv_table(model, agate_table)) -%}
  {%- endif -%}
  {%- do adapter.truncate_relation(old_relation) -%}
  {%- do return('truncate table ' ~ old_relation) -%}
{%- endmacro %}

{% macro get_csv_sql(create_or_truncate_sql, insert_sql) -%}
  {%- do return(adapter.dispatch('get_csv_sql', 'dbt')(create_or_truncate_sql, insert_sql)) -%}
{%- endmacro %}

{% macro default__get_csv_sql(create_or_truncate_sql, insert_sql) -%}
  {{ create_or_truncate_sql }};
  {{ insert_sql }}
{%- endmacro %}

{% macro get_binding_char() -%}
  {%- do return(adapter.dispatch('get_binding_char', 'dbt')()) -%}
{%- endmacro %}

{% macro default__get_binding_char() -%}
  {%- do return(adapter.get_binding_char()) -%}
{%- endmacro %}

{% macro get_batch_size() -%}
  {%- do return(adapter.dispatch('get_batch_size', 'dbt')()) -%}
{%- endmacro %}

{% macro default__get_batch_size() -%}
  {%- do return(10000) -%}
{%- endmacro %}

{% macro get_seed_column_quoted_csv(model, column_names) -%}
  {%- set quotes = model['config'].get('quote_columns') -%}
  {%- set names = [] -%}
  {%- for name in column_names -%}{%- do names.append(adapter.quote_seed_column(name, quotes)) -%}{%- endfor -%}
  {%- do return(names | join(', ')) -%}
{%- endmacro %}

{% macro load_csv_rows(model, agate_table) -%}
  {%- do return(adapter.dispatch('load_csv_rows', 'dbt')(model, agate_table)) -%}
{%- endmacro %}

{#- From the file by the engine, or (`fast: false`) row by row. -#}
{% macro duckdb__load_csv_rows(model, agate_table) -%}
  {%- if not config.get('fast', true) -%}{%- do return(default__load_csv_rows(model, agate_table)) -%}{%- endif -%}
  {%- set path = adapter.escape_sql_string(adapter.get_seed_file_path(model)) -%}
  {%- set delimiter = adapter.escape_sql_string(config.get('delimiter') or ',') -%}
  {%- set sql = "copy " ~ this ~ " from '" ~ path ~ "' (format csv, header true, delimiter '" ~ delimiter ~ "')" -%}
  {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
  {%- do return(sql) -%}
{%- endmacro %}

{% macro default__load_csv_rows(model, agate_table) -%}
  {%- set names = get_seed_column_quoted_csv(model, agate_table.column_names) -%}
  {%- set marks = [] -%}
  {%- for name in agate_table.column_names -%}{%- do marks.append(get_binding_char()) -%}{%- endfor -%}
  {%- set row_marks = '(' ~ marks | join(', ') ~ ')' -%}
  {%- set sent = [] -%}
  {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
    {%- set values = [] -%}
    {%- set lines = [] -%}
    {%- for row in chunk -%}{%- do values.extend(row) -%}{%- do lines.append(row_marks) -%}{%- endfor -%}
    {%- set sql = 'insert into ' ~ this ~ ' (' ~ names ~ ') values ' ~ lines | join(', ') -%}
    {%- do adapter.add_query(sql, bindings=values, abridge_sql_log=True) -%}
    {%- do sent.append(sql) -%}
  {%- endfor -%}
  {%- do return(sent[0]) -%}
{%- endmacro %}
