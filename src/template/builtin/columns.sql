{#- Columns: asking for them, changing them, and holding them against a contract. -#}

{% macro get_columns_in_relation(relation) -%}
  {%- do return(adapter.dispatch('get_columns_in_relation', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_columns_in_relation(relation) -%}
  {%- do return(duckdb__get_columns_in_relation(relation)) -%}
{%- endmacro %}

{% macro duckdb__get_columns_in_relation(relation) -%}
  {%- call statement('get_columns_in_relation', fetch_result=True) -%}
    select column_name, column_type from (describe {{ relation.render() }})
  {%- endcall -%}
  {%- do return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) -%}
{%- endmacro %}

{#- Rows of name, type and perhaps sizes as column objects. -#}
{% macro sql_convert_columns_in_relation(table) -%}
  {%- set columns = [] -%}
  {%- for row in table -%}{%- do columns.append(api.Column(*row)) -%}{%- endfor -%}
  {%- do return(columns) -%}
{%- endmacro %}

{% macro get_list_of_column_names(columns) -%}
  {%- do return(columns | map(attribute='name') | list) -%}
{%- endmacro %}

{#- A query with the columns of another, and no rows. -#}
{% macro get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
  {%- do return(adapter.dispatch('get_empty_subquery_sql', 'dbt')(select_sql, select_sql_header)) -%}
{%- endmacro %}

{% macro default__get_empty_subquery_sql(select_sql, select_sql_header=none) -%}
  {#- A header cannot stand before a query that is described: it is run on its own. -#}
  {%- if select_sql_header is not none -%}{%- do run_query(select_sql_header) -%}{%- endif -%}
  select * from (
    {{ select_sql }}
  ) as __dbt_sbq
  where false
  limit 0
{%- endmacro %}

{#- A query with the columns that properties describe, and one row of nulls. -#}
{% macro get_empty_schema_sql(columns) -%}
  {%- do return(adapter.dispatch('get_empty_schema_sql', 'dbt')(columns)) -%}
{%- endmacro %}

{% macro default__get_empty_schema_sql(columns) -%}
  {%- set untyped = [] -%}
  {%- set selected = [] -%}
  {%- for column in columns.values() -%}
    {%- if column.data_type -%}
      {%- set name = adapter.quote(column.name) if column.get('quote') else column.name -%}
      {%- do selected.append(cast('null', column.data_type) ~ ' as ' ~ name) -%}
    {%- else -%}
      {%- do untyped.append(column.name) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if untyped -%}
    {%- do exceptions.raise_compiler_error(
      'a contract needs the `data_type` of every column; it is missing for ' ~ untyped | join(', ')
    ) -%}
  {%- endif -%}
  select {{ selected | join(', ') }}
{%- endmacro %}

{% macro get_column_schema_from_query(select_sql, select_sql_header=none) -%}
  {%- do return(
    adapter.get_column_schema_from_query(get_empty_subquery_sql(select_sql, select_sql_header))
  ) -%}
{%- endmacro %}

{#- The names of a query's columns. -#}
{% macro get_columns_in_query(select_sql) -%}
  {%- do return(adapter.dispatch('get_columns_in_query', 'dbt')(select_sql)) -%}
{%- endmacro %}

{% macro default__get_columns_in_query(select_sql) -%}
  {%- call statement('get_columns_in_query', fetch_result=True, auto_begin=False) -%}
    {{ get_empty_subquery_sql(select_sql) }}
  {%- endcall -%}
  {%- do return(load_result('get_columns_in_query').table.columns | map(attribute='name') | list) -%}
{%- endmacro %}


{% macro alter_column_type(relation, column_name, new_column_type) -%}
  {%- do return(
    adapter.dispatch('alter_column_type', 'dbt')(relation, column_name, new_column_type)
  ) -%}
{%- endmacro %}

{% macro default__alter_column_type(relation, column_name, new_column_type) -%}
  {%- call statement('alter_column_type') -%}
    alter table {{ relation.render() }}
    alter column {{ adapter.quote(column_name) }} set data type {{ new_column_type }}
  {%- endcall -%}
{%- endmacro %}

{% macro alter_relation_add_remove_columns(relation, add_columns=none, remove_columns=none) -%}
  {%- do return(
    adapter.dispatch('alter_relation_add_remove_columns', 'dbt')(relation, add_columns, remove_columns)
  ) -%}
{%- endmacro %}

{% macro default__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
  {%- do return(duckdb__alter_relation_add_remove_columns(relation, add_columns, remove_columns)) -%}
{%- endmacro %}

{#- One statement a column: DuckDB takes no list. -#}
{% macro duckdb__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
  {%- set alter = 'alter ' ~ (relation.type or 'table') ~ ' ' ~ relation -%}
  {%- for column in add_columns or [] -%}
    {%- do run_query(alter ~ ' add column ' ~ adapter.quote(column.name) ~ ' ' ~ column.data_type) -%}
  {%- endfor -%}
  {%- for column in remove_columns or [] -%}
    {%- do run_query(alter ~ ' drop column ' ~ adapter.quote(column.name)) -%}
  {%- endfor -%}
{%- endmacro %}


{#- What stands between the brackets of `create table` under a contract. -#}
{% macro get_table_columns_and_constraints() -%}
  {%- do return(adapter.dispatch('get_table_columns_and_constraints', 'dbt')()) -%}
{%- endmacro %}

{% macro default__get_table_columns_and_constraints() -%}
  {%- do return(table_columns_and_constraints()) -%}
{%- endmacro %}

{% macro table_columns_and_constraints() -%}
  {%- set lines = adapter.render_raw_columns_constraints(raw_columns=model.columns)
    + adapter.render_raw_model_constraints(raw_constraints=model.get('constraints') or []) -%}
  (
    {{ lines | join(',\n    ') }}
  )
{%- endmacro %}

{#- Fails if the query's columns are not those of the contract. -#}
{% macro get_assert_columns_equivalent(sql) -%}
  {%- do return(adapter.dispatch('get_assert_columns_equivalent', 'dbt')(sql)) -%}
{%- endmacro %}

{% macro default__get_assert_columns_equivalent(sql) -%}
  {%- do return(assert_columns_equivalent(sql)) -%}
{%- endmacro %}

{% macro assert_columns_equivalent(sql) -%}
  {%- set wanted = format_columns(get_column_schema_from_query(get_empty_schema_sql(model.columns))) -%}
  {%- set found = format_columns(get_column_schema_from_query(sql, config.get('sql_header'))) -%}
  {%- set wanted_lines = wanted | map(attribute='formatted') | sort -%}
  {%- set found_lines = found | map(attribute='formatted') | sort -%}
  {%- if wanted_lines != found_lines -%}
    {%- do exceptions.raise_compiler_error(
      'the columns of `' ~ model.name ~ '` are not those of its contract: the query gives '
      ~ found_lines | join(', ') ~ '; the contract says ' ~ wanted_lines | join(', ')
    ) -%}
  {%- endif -%}
  {%- do return('') -%}
{%- endmacro %}

{% macro format_columns(columns) -%}
  {%- set formatted = [] -%}
  {%- for column in columns -%}
    {%- do formatted.append(adapter.dispatch('format_column', 'dbt')(column)) -%}
  {%- endfor -%}
  {%- do return(formatted) -%}
{%- endmacro %}

{% macro default__format_column(column) -%}
  {%- do return({
    'name': column.name,
    'data_type': column.dtype,
    'formatted': column.name | lower ~ ' ' ~ column.dtype,
  }) -%}
{%- endmacro %}
