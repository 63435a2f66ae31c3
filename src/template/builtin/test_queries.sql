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
