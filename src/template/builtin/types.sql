{#- Cross-database types and casts. Each macro goes to `duckdb__x` or else `default__x`, which a project
    may replace by its own. -#}

{% macro type_string() -%}
  {%- do return(adapter.dispatch('type_string', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_string() -%}
  {%- do return(api.Column.translate_type('string')) -%}
{%- endmacro %}


{% macro type_timestamp() -%}
  {%- do return(adapter.dispatch('type_timestamp', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_timestamp() -%}
  {%- do return(api.Column.translate_type('timestamp')) -%}
{%- endmacro %}


{% macro type_float() -%}
  {%- do return(adapter.dispatch('type_float', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_float() -%}
  {%- do return(api.Column.translate_type('float')) -%}
{%- endmacro %}


{% macro type_numeric() -%}
  {%- do return(adapter.dispatch('type_numeric', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_numeric() -%}
  {%- do return('numeric(28,6)') -%}
{%- endmacro %}


{% macro type_bigint() -%}
  {%- do return(adapter.dispatch('type_bigint', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_bigint() -%}
  {%- do return(api.Column.translate_type('bigint')) -%}
{%- endmacro %}


{% macro type_int() -%}
  {%- do return(adapter.dispatch('type_int', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_int() -%}
  {%- do return(api.Column.translate_type('integer')) -%}
{%- endmacro %}


{% macro type_boolean() -%}
  {%- do return(adapter.dispatch('type_boolean', 'dbt')()) -%}
{%- endmacro %}

{% macro default__type_boolean() -%}
  {%- do return(api.Column.translate_type('boolean')) -%}
{%- endmacro %}


{% macro cast(field, type) -%}
  {%- do return(adapter.dispatch('cast', 'dbt')(field, type)) -%}
{%- endmacro %}

{% macro default__cast(field, type) -%}
  cast({{ field }} as {{ type }})
{%- endmacro %}


{#- A plain cast, as with dbt-duckdb: a value that cannot be cast is an error. A project that wants null
    instead defines `duckdb__safe_cast` with `try_cast`. -#}
{% macro safe_cast(field, type) -%}
  {%- do return(adapter.dispatch('safe_cast', 'dbt')(field, type)) -%}
{%- endmacro %}

{% macro default__safe_cast(field, type) -%}
  cast({{ field }} as {{ type }})
{%- endmacro %}


{% macro cast_bool_to_text(field) -%}
  {%- do return(adapter.dispatch('cast_bool_to_text', 'dbt')(field)) -%}
{%- endmacro %}

{% macro default__cast_bool_to_text(field) -%}
  cast({{ field }} as {{ api.Column.translate_type('string') }})
{%- endmacro %}
