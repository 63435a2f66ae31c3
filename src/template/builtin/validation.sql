{#- Checking a query. It asks the warehouse, so it works only where a template may run queries. -#}

{#- The result of asking the warehouse to explain a query, which fails where the query is wrong. -#}
{% macro validate_sql(sql) -%}
  {%- do return(adapter.dispatch('validate_sql', 'dbt')(sql)) -%}
{%- endmacro %}

{% macro default__validate_sql(sql) -%}
  {%- call statement('validate_sql') -%}
    explain {{ sql }}
  {%- endcall -%}
  {%- do return(load_result('validate_sql')) -%}
{%- endmacro %}
