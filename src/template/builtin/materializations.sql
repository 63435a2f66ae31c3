{#- The built-in materializations as macros: they run where a project has macros of its own for a part of the
    work, and a project's own materialization can call them. A node is made in one transaction, so nobody
    sees what happens in between, and `adapter.commit()` says only where dbt would end its own. -#}

{% materialization view, default %}
  {%- set target_relation = this.incorporate(type='view') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set intermediate = make_intermediate_relation(target_relation) -%}
  {%- do drop_relation_if_exists(load_cached_relation(intermediate)) -%}

  {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

  {%- call statement('main') -%}
    {{ get_create_view_as_sql(intermediate, sql) }}
  {%- endcall -%}
  {%- do replace_relation(existing, intermediate, target_relation) -%}

  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)
  ) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do run_hooks(post_hooks, inside_transaction=True) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=False) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}


{% materialization table, adapter='duckdb' %}
  {%- do return(table_by_macros()) -%}
{% endmaterialization %}

{% materialization table, default %}
  {%- do return(table_by_macros()) -%}
{% endmaterialization %}

{% macro table_by_macros() -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set intermediate = make_intermediate_relation(target_relation) -%}
  {%- do drop_relation_if_exists(load_cached_relation(intermediate)) -%}

  {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

  {%- call statement('main') -%}
    {{ get_create_table_as_sql(False, intermediate, sql) }}
  {%- endcall -%}
  {%- do replace_relation(existing, intermediate, target_relation) -%}
  {%- do create_indexes(target_relation) -%}

  {%- do run_hooks(post_hooks, inside_transaction=True) -%}
  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=True)
  ) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=False) -%}
  {%- do return({'relations': [target_relation]}) -%}
{%- endmacro %}


{% materialization incremental, adapter='duckdb' %}
  {%- do return(incremental_by_macros()) -%}
{% endmaterialization %}

{% materialization incremental, default %}
  {%- do return(incremental_by_macros()) -%}
{% endmaterialization %}

{% macro incremental_by_macros() -%}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set existing = load_cached_relation(this) -%}
  {%- set is_anew = existing is none or existing.is_view or should_full_refresh() -%}

  {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

  {%- if is_anew -%}
    {%- set made = target_relation if existing is none else make_intermediate_relation(target_relation) -%}
    {%- call statement('main') -%}
      {{ get_create_table_as_sql(False, made, sql) }}
    {%- endcall -%}
    {%- if existing is not none -%}{%- do replace_relation(existing, made, target_relation) -%}{%- endif -%}
    {%- do create_indexes(target_relation) -%}
  {%- else -%}
    {%- set temp_relation = make_temp_relation(target_relation) -%}
    {%- set rows = take_up_sql(target_relation, temp_relation, existing) -%}
    {%- call statement('main') -%}
      {{ rows }}
    {%- endcall -%}
    {%- do adapter.drop_relation(temp_relation) -%}
  {%- endif -%}

  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(existing, full_refresh_mode=is_anew)
  ) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- do run_hooks(post_hooks, inside_transaction=True) -%}
  {%- do adapter.commit() -%}
  {%- do run_hooks(post_hooks, inside_transaction=False) -%}
  {%- do return({'relations': [target_relation]}) -%}
{%- endmacro %}

{#- Puts the new rows aside, makes the columns fit, and gives the SQL of the strategy. -#}
{% macro take_up_sql(target_relation, temp_relation, existing) -%}
  {%- do run_query(get_create_table_as_sql(True, temp_relation, sql)) -%}
  {%- do adapter.expand_target_column_types(from_relation=temp_relation, to_relation=target_relation) -%}
  {%- set on_schema_change = incremental_validate_on_schema_change(
    config.get('on_schema_change'), default='ignore'
  ) -%}
  {%- set columns = process_schema_changes(on_schema_change, temp_relation, existing)
    or adapter.get_columns_in_relation(existing) -%}
  {%- set strategy = adapter.get_incremental_strategy_macro(
    context, config.get('incremental_strategy') or 'default'
  ) -%}
  {%- do return(strategy({
    'target_relation': target_relation,
    'temp_relation': temp_relation,
    'unique_key': config.get('unique_key'),
    'dest_columns': columns,
    'incremental_predicates': config.get('predicates') or config.get('incremental_predicates'),
  })) -%}
{%- endmacro %}

{#- Gives a new relation the name of an old one, which goes. -#}
{% macro replace_relation(existing, made, target_relation) -%}
  {%- if existing is not none -%}
    {%- set backup = make_backup_relation(target_relation, existing.type) -%}
    {%- do drop_relation_if_exists(load_cached_relation(backup)) -%}
    {%- if existing.is_table -%}{%- do drop_indexes_on_relation(existing) -%}{%- endif -%}
    {%- do adapter.rename_relation(existing, backup) -%}
  {%- endif -%}
  {%- do adapter.rename_relation(made, target_relation) -%}
  {%- if backup -%}{%- do adapter.drop_relation(backup) -%}{%- endif -%}
{%- endmacro %}
