{#- What a snapshot strategy of a project's own builds on. Snapshots themselves are taken without macros. -#}

{#- The columns that a snapshot adds, by dbt's names, under the names that the config gives them. -#}
{% macro get_snapshot_table_column_names() -%}
  {%- set names = {} -%}
  {%- set own = config.get('snapshot_meta_column_names') or {} -%}
  {%- for name in ['dbt_valid_to', 'dbt_valid_from', 'dbt_scd_id', 'dbt_updated_at', 'dbt_is_deleted'] -%}
    {%- do names.update({name: own.get(name) or name}) -%}
  {%- endfor -%}
  {%- do return(names) -%}
{%- endmacro %}


{#- The id of a version: a hash of what identifies it. -#}
{% macro snapshot_hash_arguments(args) -%}
  {%- do return(adapter.dispatch('snapshot_hash_arguments', 'dbt')(args)) -%}
{%- endmacro %}

{% macro default__snapshot_hash_arguments(args) -%}
  {%- set parts = [] -%}
  {%- for arg in args -%}
    {%- do parts.append("coalesce(cast(" ~ arg ~ " as varchar), '')") -%}
  {%- endfor -%}
  md5({{ parts | join(" || '|' || ") }})
{%- endmacro %}


{% macro snapshot_string_as_time(timestamp) -%}
  {%- do return(adapter.dispatch('snapshot_string_as_time', 'dbt')(timestamp)) -%}
{%- endmacro %}

{% macro default__snapshot_string_as_time(timestamp) -%}
  {%- do return("'" ~ timestamp ~ "'::timestamp") -%}
{%- endmacro %}


{% macro get_true_sql() -%}
  {%- do return(adapter.dispatch('get_true_sql', 'dbt')()) -%}
{%- endmacro %}

{% macro default__get_true_sql() -%}
  {%- do return('TRUE') -%}
{%- endmacro %}


{#- The two built-in strategies in the form in which a strategy of a project's own is written. -#}
{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
  {%- set updated_at = config.get('updated_at') -%}
  {%- set since = snapshotted_rel ~ '.' ~ get_snapshot_table_column_names()['dbt_valid_from'] -%}
  {%- do return(_snapshot_strategy('(' ~ since ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')', updated_at)) -%}
{%- endmacro %}

{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
  {%- set found = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) -%}
  {%- set changes = [] -%}
  {%- for column in found[1] -%}
    {%- do changes.append(snapshotted_rel ~ '.' ~ column ~ ' is distinct from ' ~ current_rel ~ '.' ~ column) -%}
  {%- endfor -%}
  {%- set changed = get_true_sql() if found[0] else changes | join(' or ') -%}
  {%- do return(_snapshot_strategy('(' ~ changed ~ ')', config.get('updated_at') or snapshot_get_time())) -%}
{%- endmacro %}

{% macro _snapshot_strategy(row_changed, updated_at) -%}
  {%- set key = config.get('unique_key') -%}
  {%- set parts = [key] if key is string else key -%}
  {%- do return({
    'unique_key': key,
    'updated_at': updated_at,
    'row_changed': row_changed,
    'scd_id': snapshot_hash_arguments(parts + [updated_at]),
    'hard_deletes': config.get('hard_deletes') or ('invalidate' if config.get('invalidate_hard_deletes') else 'ignore'),
  }) -%}
{%- endmacro %}

{#- Whether the query has columns that the table lacks, and those that both have, in quotes. -#}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
  {%- if check_cols_config == 'all' -%}
    {%- set wanted = get_columns_in_query(node['compiled_code']) -%}
  {%- else -%}
    {%- set wanted = check_cols_config -%}
  {%- endif -%}
  {%- if not target_exists -%}{%- do return([false, wanted]) -%}{%- endif -%}
  {%- set there = adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
  {%- set both = [] -%}
  {%- for column in wanted if column in there -%}
    {%- do both.append(adapter.quote(column)) -%}
  {%- endfor -%}
  {%- do return([both | length < wanted | length, both]) -%}
{%- endmacro %}
