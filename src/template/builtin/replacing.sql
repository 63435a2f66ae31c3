{#- Putting a new relation in the place of an old one. -#}

{#- Beside the old one, whose name it takes when it is complete. -#}
{% macro get_replace_sql(existing_relation, target_relation, sql) -%}
  {%- do return(
    adapter.dispatch('get_replace_sql', 'dbt')(existing_relation, target_relation, sql)
  ) -%}
{%- endmacro %}

{% macro default__get_replace_sql(existing_relation, target_relation, sql) -%}
  {{ get_create_intermediate_sql(target_relation, sql) }};
  {{ get_create_backup_sql(existing_relation) }};
  {{ get_rename_intermediate_sql(target_relation) }};
  {{ get_drop_backup_sql(existing_relation) }}
{%- endmacro %}

{% macro get_replace_table_sql(relation, sql) -%}
  {%- do return(adapter.dispatch('get_replace_table_sql', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__get_replace_table_sql(relation, sql) -%}
  create or replace table {{ relation }} as (
    {{ sql }}
  )
{%- endmacro %}

{% macro get_replace_view_sql(relation, sql) -%}
  {%- do return(adapter.dispatch('get_replace_view_sql', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__get_replace_view_sql(relation, sql) -%}
  create or replace view {{ relation }} as (
    {{ sql }}
  )
{%- endmacro %}

{% macro get_create_intermediate_sql(relation, sql) -%}
  {%- do return(adapter.dispatch('get_create_intermediate_sql', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__get_create_intermediate_sql(relation, sql) -%}
  {%- set intermediate = make_intermediate_relation(relation) -%}
  {{ get_drop_sql(intermediate) }};
  {{ get_create_sql(intermediate, sql) }}
{%- endmacro %}

{% macro get_rename_intermediate_sql(relation) -%}
  {%- do return(adapter.dispatch('get_rename_intermediate_sql', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_rename_intermediate_sql(relation) -%}
  {{ get_rename_sql(make_intermediate_relation(relation), relation.identifier) }}
{%- endmacro %}

{% macro get_create_backup_sql(relation) -%}
  {%- do return(adapter.dispatch('get_create_backup_sql', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_create_backup_sql(relation) -%}
  {%- set backup = make_backup_relation(relation, relation.type) -%}
  {{ get_drop_sql(backup) }};
  {{ get_rename_sql(relation, backup.identifier) }}
{%- endmacro %}

{% macro get_drop_backup_sql(relation) -%}
  {%- do return(adapter.dispatch('get_drop_backup_sql', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_drop_backup_sql(relation) -%}
  {{ get_drop_sql(make_backup_relation(relation, relation.type)) }}
{%- endmacro %}


{#- A table where a view is to be: it goes. -#}
{% macro handle_existing_table(full_refresh, old_relation) -%}
  {%- do return(adapter.dispatch('handle_existing_table', 'dbt')(full_refresh, old_relation)) -%}
{%- endmacro %}

{% macro default__handle_existing_table(full_refresh, old_relation) -%}
  {%- do log('Dropping ' ~ old_relation ~ ', which is a ' ~ old_relation.type) -%}
  {%- do adapter.drop_relation(old_relation) -%}
{%- endmacro %}

{#- A whole materialization: the model's view. -#}
{% macro create_or_replace_view() -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- do run_hooks(pre_hooks) -%}
  {%- if existing is not none and existing.is_table -%}
    {%- do handle_existing_table(should_full_refresh(), existing) -%}
  {%- elif existing is not none -%}
    {%- do adapter.drop_relation(existing) -%}
  {%- endif -%}
  {%- call statement('main') -%}
    {{ get_create_view_as_sql(target_relation, sql) }}
  {%- endcall -%}
  {%- set was_view = existing is not none and existing.is_view -%}
  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(was_view, full_refresh_mode=True)
  ) -%}
  {%- do run_hooks(post_hooks) -%}
  {%- do return({'relations': [target_relation]}) -%}
{%- endmacro %}
