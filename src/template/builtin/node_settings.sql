{#- What tests and materializations ask about the settings of the node they work on. -#}

{#- What a test reads: the relation, or the rows of it that the test's `where` keeps. -#}
{% macro get_where_subquery(relation) -%}
  {%- do return(adapter.dispatch('get_where_subquery', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_where_subquery(relation) -%}
  {%- set condition = config.get('where') -%}
  {%- if not condition -%}{%- do return(relation) -%}{%- endif -%}
  (select * from {{ relation }} where {{ condition }}) dbt_subquery
{%- endmacro %}


{#- The node's own setting goes before the command line. -#}
{% macro should_full_refresh() -%}
  {#- Only the first batch of a model can make it anew. -#}
  {%- if model.batch and is_incremental() -%}{%- do return(false) -%}{%- endif -%}
  {%- set configured = config.get('full_refresh') -%}
  {%- do return(flags.FULL_REFRESH if configured is none else configured) -%}
{%- endmacro %}
