{#- The snapshot as macros: it is taken so where a project has its own form of one of these macros. What is then
    done is what dbt does, without the program's own checks of the history. -#}

{% materialization snapshot, default %}
  {%- set found = get_or_create_relation(
    database=model.database, schema=model.schema, identifier=model.alias, type='table'
  ) -%}
  {%- set is_there = found[0] -%}
  {%- set target_relation = found[1] -%}
  {%- if not target_relation.is_table -%}
    {%- do exceptions.relation_wrong_type(target_relation, 'table') -%}
  {%- endif -%}

  {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
  {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

  {%- set strategy_macro = strategy_dispatch(config.get('strategy')) -%}
  {%- set strategy = strategy_macro(model, 'snapshotted_data', 'source_data', model['config'], is_there) -%}
  {%- if is_there -%}
    {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
    {%- do adapter.assert_valid_snapshot_target_given_strategy(target_relation, columns, strategy) -%}
    {%- set staging_table = build_snapshot_staging_table(strategy, sql, target_relation) -%}
    {%- do adapter.expand_target_column_types(from_relation=staging_table, to_relation=target_relation) -%}
    {%- do create_columns(
      target_relation, _snapshot_columns(adapter.get_missing_columns(staging_table, target_relation), strategy)
    ) -%}
    {%- set written = [] -%}
    {%- for column in _snapshot_columns(adapter.get_columns_in_relation(staging_table), strategy) -%}
      {%- do written.append(adapter.quote(column.name)) -%}
    {%- endfor -%}
    {%- set final_sql = snapshot_merge_sql(target=target_relation, source=staging_table, insert_cols=written) -%}
  {%- else -%}
    {%- set final_sql = create_table_as(
      False, target_relation, build_snapshot_table(strategy, model['compiled_code'])
    ) -%}
  {%- endif -%}

  {%- call statement('main') -%}
    {{ final_sql }}
  {%- endcall -%}

  {%- do apply_grants(
    target_relation, config.get('grants'), should_revoke=should_revoke(is_there, full_refresh_mode=False)
  ) -%}
  {%- do persist_docs(target_relation, model) -%}
  {%- if not is_there -%}{%- do create_indexes(target_relation) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=True) -%}
  {%- do adapter.commit() -%}
  {%- if staging_table is defined -%}{%- do post_snapshot(staging_table) -%}{%- endif -%}
  {%- do run_hooks(post_hooks, inside_transaction=False) -%}
  {%- do return({'relations': [target_relation]}) -%}
{% endmaterialization %}

{#- The columns that belong in the table: not those that say what is to be done with a row. -#}
{% macro _snapshot_columns(columns, strategy) -%}
  {%- set helpers = ['dbt_change_type', 'dbt_unique_key'] -%}
  {%- if strategy.unique_key is not string -%}
    {%- for key in strategy.unique_key -%}{%- do helpers.append('dbt_unique_key_' ~ loop.index) -%}{%- endfor -%}
  {%- endif -%}
  {%- set kept = [] -%}
  {%- for column in columns if column.name | lower not in helpers -%}{%- do kept.append(column) -%}{%- endfor -%}
  {%- do return(kept) -%}
{%- endmacro %}

{#- The macro of a strategy, `name` or `package.name`. -#}
{% macro strategy_dispatch(name) -%}
  {%- set parts = name.split('.', 1) -%}
  {%- set place = context[parts[0]] if parts | length == 2 else context -%}
  {%- set wanted = 'snapshot_' ~ parts[-1] ~ '_strategy' -%}
  {%- if not place or wanted not in place -%}
    {%- do exceptions.raise_compiler_error('there is no macro `' ~ wanted ~ '` for the strategy `' ~ name ~ '`') -%}
  {%- endif -%}
  {%- do return(place[wanted]) -%}
{%- endmacro %}


{% macro build_snapshot_table(strategy, sql) -%}
  {%- do return(adapter.dispatch('build_snapshot_table', 'dbt')(strategy, sql)) -%}
{%- endmacro %}

{% macro default__build_snapshot_table(strategy, sql) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  select *,
    {{ strategy.scd_id }} as {{ columns.dbt_scd_id }},
    {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
    {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
    {{ get_dbt_valid_to_current(strategy, columns) }}
    {%- if strategy.hard_deletes == 'new_record' %},
    'False' as {{ columns.dbt_is_deleted }}
    {%- endif %}
  from (
    {{ sql }}
  ) as sbq
{%- endmacro %}

{% macro get_dbt_valid_to_current(strategy, columns) -%}
  coalesce(nullif({{ strategy.updated_at }}, {{ strategy.updated_at }}), {{ config.get('dbt_valid_to_current') or 'null' }})
    as {{ columns.dbt_valid_to }}
{%- endmacro %}


{% macro build_snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- set staging_table = make_temp_relation(target_relation) -%}
  {%- set select = snapshot_staging_table(strategy, sql, target_relation) -%}
  {%- call statement('build_snapshot_staging_relation') -%}
    {{ create_table_as(True, staging_table, select) }}
  {%- endcall -%}
  {%- do return(staging_table) -%}
{%- endmacro %}

{% macro snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- do return(adapter.dispatch('snapshot_staging_table', 'dbt')(strategy, source_sql, target_relation)) -%}
{%- endmacro %}

{#- What is to be done: versions to add, to end because of a change, and to end because the row is gone. -#}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  {%- set key = strategy.unique_key -%}
  {%- set marks = strategy.hard_deletes == 'new_record' -%}
  {%- set same_key = unique_key_join_on(key, 'snapshotted_data', 'source_data') -%}
  {%- set is_changed = strategy.row_changed -%}
  {%- if marks -%}
    {%- set is_marked = 'snapshotted_data.' ~ columns.dbt_is_deleted ~ " = 'True'" -%}
    {%- set is_changed = is_changed ~ ' or ' ~ is_marked -%}
  {%- endif -%}
  with snapshot_query as (
    {{ source_sql }}
  ),
  snapshotted_data as (
    select *, {{ unique_key_fields(key) }}
    from {{ target_relation }}
    where {{ _snapshot_is_current(columns.dbt_valid_to) }}
  ),
  incoming as (
    select *, {{ unique_key_fields(key) }},
      {{ strategy.updated_at }} as {{ columns.dbt_updated_at }},
      {{ strategy.updated_at }} as {{ columns.dbt_valid_from }},
      {{ get_dbt_valid_to_current(strategy, columns) }},
      {{ strategy.scd_id }} as {{ columns.dbt_scd_id }}
    from snapshot_query
  )
  select 'insert' as dbt_change_type, source_data.* {%- if marks %}, 'False' as {{ columns.dbt_is_deleted }}{% endif %}
  from incoming as source_data
  left join snapshotted_data on {{ same_key }}
  where {{ unique_key_is_null(key, 'snapshotted_data') }} or ({{ is_changed }})
  union all by name
  select 'update' as dbt_change_type, source_data.* replace (
      source_data.{{ columns.dbt_valid_from }} as {{ columns.dbt_valid_to }},
      snapshotted_data.{{ columns.dbt_scd_id }} as {{ columns.dbt_scd_id }}
    ) {%- if marks %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
  from incoming as source_data
  join snapshotted_data on {{ same_key }}
  where {{ is_changed }}
  {%- if strategy.hard_deletes in ['invalidate', 'new_record'] %}
  {{ _snapshot_of_gone_rows(strategy, source_sql, target_relation, columns) }}
  {%- endif -%}
{%- endmacro %}

{#- Ends the versions of rows that are gone, and with `new_record` adds one that says so. -#}
{% macro _snapshot_of_gone_rows(strategy, source_sql, target_relation, columns) -%}
  {%- set key = strategy.unique_key -%}
  {%- set marks = strategy.hard_deletes == 'new_record' -%}
  {%- set now = snapshot_get_time() -%}
  {%- set gone -%}
  from snapshotted_data
  left join (select *, {{ unique_key_fields(key) }} from snapshot_query) as source_data
    on {{ unique_key_join_on(key, 'snapshotted_data', 'source_data') }}
  where {{ unique_key_is_null(key, 'source_data') }}
    {%- if marks %}
    and snapshotted_data.{{ columns.dbt_is_deleted }} is distinct from 'True'
    {%- endif %}
  {%- endset %}
  union all by name
  select 'delete' as dbt_change_type, {{ now }} as {{ columns.dbt_valid_from }}, {{ now }} as {{ columns.dbt_updated_at }},
    {{ now }} as {{ columns.dbt_valid_to }}, snapshotted_data.{{ columns.dbt_scd_id }}
    {%- if marks %}, snapshotted_data.{{ columns.dbt_is_deleted }}{% endif %}
  {{ gone }}
  {%- if marks %}
  {%- set there = get_columns_in_relation(target_relation) | map(attribute='name') | list %}
  union all by name
  select 'insert' as dbt_change_type,
    {%- for column in get_columns_in_query(source_sql) if column in there %}
    snapshotted_data.{{ adapter.quote(column) }},
    {%- endfor %}
    {{ now }} as {{ columns.dbt_valid_from }}, {{ now }} as {{ columns.dbt_updated_at }},
    snapshotted_data.{{ columns.dbt_valid_to }},
    {{ snapshot_hash_arguments(['snapshotted_data.' ~ columns.dbt_scd_id, now]) }} as {{ columns.dbt_scd_id }},
    'True' as {{ columns.dbt_is_deleted }}
  {{ gone }}
  {%- endif -%}
{%- endmacro %}

{#- The condition of versions that hold. -#}
{% macro _snapshot_is_current(valid_to) -%}
  {%- set current = config.get('dbt_valid_to_current') -%}
  {%- if current -%}({{ valid_to }} = {{ current }} or {{ valid_to }} is null){%- else -%}{{ valid_to }} is null{%- endif -%}
{%- endmacro %}

{% macro unique_key_fields(unique_key) -%}
  {%- if unique_key is string -%}
    {{ unique_key }} as dbt_unique_key
  {%- else -%}
    {%- for key in unique_key -%}{{ key }} as dbt_unique_key_{{ loop.index }}{{ ', ' if not loop.last }}{%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{% macro unique_key_join_on(unique_key, identifier, from_identifier) -%}
  {%- if unique_key is string -%}
    {{ identifier }}.dbt_unique_key = {{ from_identifier }}.dbt_unique_key
  {%- else -%}
    {%- for key in unique_key -%}
      {{ identifier }}.dbt_unique_key_{{ loop.index }} = {{ from_identifier }}.dbt_unique_key_{{ loop.index }}
      {{- ' and ' if not loop.last -}}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{% macro unique_key_is_null(unique_key, identifier) -%}
  {{ identifier }}.dbt_unique_key{{ '' if unique_key is string else '_1' }} is null
{%- endmacro %}

{% macro unique_key_is_not_null(unique_key, identifier) -%}
  {{ identifier }}.dbt_unique_key{{ '' if unique_key is string else '_1' }} is not null
{%- endmacro %}


{% macro snapshot_merge_sql(target, source, insert_cols) -%}
  {%- do return(adapter.dispatch('snapshot_merge_sql', 'dbt')(target, source, insert_cols)) -%}
{%- endmacro %}

{% macro default__snapshot_merge_sql(target, source, insert_cols) -%}
  {%- set columns = config.get('snapshot_table_column_names') or get_snapshot_table_column_names() -%}
  update {{ target }} as target
  set {{ columns.dbt_valid_to }} = source.{{ columns.dbt_valid_to }}
  from {{ source }} as source
  where source.{{ columns.dbt_scd_id }} = target.{{ columns.dbt_scd_id }}
    and source.dbt_change_type in ('update', 'delete')
    and {{ _snapshot_is_current('target.' ~ columns.dbt_valid_to) }};

  insert into {{ target }} ({{ insert_cols | join(', ') }})
  select {{ insert_cols | join(', ') }}
  from {{ source }}
  where dbt_change_type = 'insert';
{%- endmacro %}

{% macro create_columns(relation, columns) -%}
  {%- do return(adapter.dispatch('create_columns', 'dbt')(relation, columns)) -%}
{%- endmacro %}

{% macro default__create_columns(relation, columns) -%}
  {%- for column in columns -%}
    {%- call statement() -%}
      alter table {{ relation }} add column {{ adapter.quote(column.name) }} {{ column.expanded_data_type }}
    {%- endcall -%}
  {%- endfor -%}
{%- endmacro %}

{% macro post_snapshot(staging_relation) -%}
  {%- do return(adapter.dispatch('post_snapshot', 'dbt')(staging_relation)) -%}
{%- endmacro %}

{% macro default__post_snapshot(staging_relation) -%}
  {%- do return(drop_relation(staging_relation)) -%}
{%- endmacro %}
