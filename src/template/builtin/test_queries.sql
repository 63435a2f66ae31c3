{#- The queries around a test's own, and around what `show` shows. -#}

{#- One row: the number of failures, and whether they are too many. -#}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  {%- do return(
    adapter.dispatch('get_test_sql', 'dbt')(main_sql, fail_calc, warn_if, error_if, limit)
  ) -%}
{%- endmacro %}

{% macro default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
  select
    {{ fail_calc }} as failures,
    {{ fail_calc }} {{ warn_if }} as should_warn,
    {{ fail_calc }} {{ error_if }} as should_error
  from (
    {{ main_sql }}
    {{ 'limit ' ~ limit if limit is not none }}
  ) as dbt_internal_test
{%- endmacro %}

{% macro get_limit_subquery_sql(sql, limit) -%}
  {%- do return(adapter.dispatch('get_limit_sql', 'dbt')(sql, limit)) -%}
{%- endmacro %}

{% macro default__get_limit_sql(sql, limit) -%}
  {{ sql }}
  {%- if limit is not none %}
  limit {{ limit }}
  {%- endif -%}
{%- endmacro %}

{% macro get_show_sql(compiled_code, sql_header, limit) -%}
  {{ sql_header if sql_header is not none }}
  {{ get_limit_subquery_sql(compiled_code, limit) }}
{%- endmacro %}


{#- How old a source's rows are: the newest time, and the time now. -#}
{% macro collect_freshness(source, loaded_at_field, filter) -%}
  {%- do return(adapter.dispatch('collect_freshness', 'dbt')(source, loaded_at_field, filter)) -%}
{%- endmacro %}

{% macro default__collect_freshness(source, loaded_at_field, filter) -%}
  {%- call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
    select max({{ loaded_at_field }}) as max_loaded_at, {{ current_timestamp() }} as snapshotted_at
    from {{ source }}
    {{ 'where ' ~ filter if filter }}
  {%- endcall -%}
  {%- do return(load_result('collect_freshness')) -%}
{%- endmacro %}

{% macro collect_freshness_custom_sql(source, loaded_at_query) -%}
  {%- do return(adapter.dispatch('collect_freshness_custom_sql', 'dbt')(source, loaded_at_query)) -%}
{%- endmacro %}

{% macro default__collect_freshness_custom_sql(source, loaded_at_query) -%}
  {%- call statement('collect_freshness_custom_sql', fetch_result=True, auto_begin=False) -%}
    select ({{ loaded_at_query }}) as max_loaded_at, {{ current_timestamp() }} as snapshotted_at
  {%- endcall -%}
  {%- do return(load_result('collect_freshness_custom_sql')) -%}
{%- endmacro %}


{#- What judges a test: a project's own materialization can call it. -#}
{% materialization test, default %}
  {%- set limited = get_limit_subquery_sql(sql, config.get('limit')) -%}
  {%- set relations = [] -%}
  {%- if should_store_failures() -%}
    {%- set kind = config.get('store_failures_as') or 'table' -%}
    {%- if kind not in ['table', 'view'] -%}
      {%- do exceptions.raise_compiler_error('`store_failures_as` is `ephemeral`, `table` or `view`, not `' ~ kind ~ '`') -%}
    {%- endif -%}
    {%- set kept = api.Relation.create(
      database=database, schema=schema, identifier=model['alias'], type=kind
    ) -%}
    {%- do drop_relation_if_exists(load_cached_relation(kept)) -%}
    {%- call statement(auto_begin=True) -%}
      {{ get_create_view_as_sql(kept, limited) if kind == 'view' else get_create_table_as_sql(False, kept, limited) }}
    {%- endcall -%}
    {%- do relations.append(kept) -%}
    {%- set limited = 'select * from ' ~ kept -%}
    {%- do adapter.commit() -%}
  {%- endif -%}
  {%- call statement('main', fetch_result=True) -%}
    {{ get_test_sql(
      limited,
      config.get('fail_calc') or 'count(*)',
      config.get('warn_if') or '!= 0',
      config.get('error_if') or '!= 0',
      limit=none
    ) }}
  {%- endcall -%}
  {%- do return({'relations': relations}) -%}
{% endmaterialization %}
