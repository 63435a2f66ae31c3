{#- Comparing rows and queries. Each macro goes to `duckdb__x` or else `default__x`, which a project
    may replace by its own. -#}

{#- Two nulls are equal only with the project flag `enable_truthy_nulls_equals_macro`. -#}
{% macro equals(expr1, expr2) -%}
  {%- do return(adapter.dispatch('equals', 'dbt')(expr1, expr2)) -%}
{%- endmacro %}

{% macro default__equals(expr1, expr2) -%}
  {%- if flags.enable_truthy_nulls_equals_macro -%}
    (({{ expr1 }}) is not distinct from ({{ expr2 }}))
  {%- else -%}
    ({{ expr1 }} = {{ expr2 }})
  {%- endif -%}
{%- endmacro %}


{% macro except() -%}
  {%- do return(adapter.dispatch('except', 'dbt')()) -%}
{%- endmacro %}

{% macro default__except() -%}
  except
{%- endmacro %}


{% macro intersect() -%}
  {%- do return(adapter.dispatch('intersect', 'dbt')()) -%}
{%- endmacro %}

{% macro default__intersect() -%}
  intersect
{%- endmacro %}
