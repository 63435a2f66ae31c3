{#- Taking up new rows: the SQL of each strategy, and what is done about columns that changed. -#}

{#- Each strategy is a macro `get_incremental_<strategy>_sql`, which a project can add to or replace. Its
    argument has target_relation, temp_relation, unique_key, dest_columns and incremental_predicates. -#}
{% macro get_incremental_append_sql(arg_dict) -%}
  {%- do return(adapter.dispatch('get_incremental_append_sql', 'dbt')(arg_dict)) -%}
{%- endmacro %}

{% macro default__get_incremental_append_sql(arg_dict) -%}
  {%- do return(
    get_insert_into_sql(arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns'])
  ) -%}
{%- endmacro %}

{% macro get_incremental_delete_insert_sql(arg_dict) -%}
  {%- do return(adapter.dispatch('get_incremental_delete_insert_sql', 'dbt')(arg_dict)) -%}
{%- endmacro %}

{% macro default__get_incremental_delete_insert_sql(arg_dict) -%}
  {%- do return(get_delete_insert_merge_sql(
    arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
    arg_dict['dest_columns'], arg_dict['incremental_predicates']
  )) -%}
{%- endmacro %}

{% macro get_incremental_merge_sql(arg_dict) -%}
  {%- do return(adapter.dispatch('get_incremental_merge_sql', 'dbt')(arg_dict)) -%}
{%- endmacro %}

{% macro default__get_incremental_merge_sql(arg_dict) -%}
  {%- do return(get_merge_sql(
    arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['unique_key'],
    arg_dict['dest_columns'], arg_dict['incremental_predicates']
  )) -%}
{%- endmacro %}

{% macro get_incremental_microbatch_sql(arg_dict) -%}
  {%- do return(adapter.dispatch('get_incremental_microbatch_sql', 'dbt')(arg_dict)) -%}
{%- endmacro %}

{% macro default__get_incremental_microbatch_sql(arg_dict) -%}
  {%- do return(duckdb__get_incremental_microbatch_sql(arg_dict)) -%}
{%- endmacro %}

{#- The rows of the batch's window of time are replaced. -#}
{% macro duckdb__get_incremental_microbatch_sql(arg_dict) -%}
  {%- if not model.batch -%}
    {%- do exceptions.raise_compiler_error('the strategy `microbatch` needs a batch, and there is none here') -%}
  {%- endif -%}
  {%- set event_time = config.require('event_time') -%}
  {%- set is_in_batch = event_time ~ " >= '" ~ model.batch.event_time_start ~ "' and "
    ~ event_time ~ " < '" ~ model.batch.event_time_end ~ "'" -%}
  {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
  delete from {{ arg_dict['target_relation'] }}
  where {{ is_in_batch }}
  {%- for predicate in normalize_incremental_predicates(arg_dict['incremental_predicates']) %}
    and ({{ predicate }})
  {%- endfor %};

  insert into {{ arg_dict['target_relation'] }} ({{ columns }})
  select {{ columns }}
  from {{ arg_dict['temp_relation'] }}
  where {{ is_in_batch }}
{%- endmacro %}

{% macro get_incremental_default_sql(arg_dict) -%}
  {%- do return(adapter.dispatch('get_incremental_default_sql', 'dbt')(arg_dict)) -%}
{%- endmacro %}

{% macro default__get_incremental_default_sql(arg_dict) -%}
  {%- do return(get_incremental_append_sql(arg_dict)) -%}
{%- endmacro %}

{#- With a key, rows are replaced; without, they are added. -#}
{% macro duckdb__get_incremental_default_sql(arg_dict) -%}
  {%- do return(get_incremental_delete_insert_sql(arg_dict)) -%}
{%- endmacro %}

{% macro get_insert_into_sql(target_relation, temp_relation, dest_columns) -%}
  {%- set columns = get_quoted_csv(dest_columns | map(attribute='name')) -%}
  insert into {{ target_relation }} ({{ columns }}) (
    select {{ columns }}
    from {{ temp_relation }}
  )
{%- endmacro %}

{% macro get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
  {%- do return(adapter.dispatch('get_delete_insert_merge_sql', 'dbt')(
    target, source, unique_key, dest_columns, incremental_predicates
  )) -%}
{%- endmacro %}

{% macro default__get_delete_insert_merge_sql(target, source, unique_key, dest_columns, incremental_predicates) -%}
  {%- if unique_key -%}
  {%- set keys = [unique_key] if unique_key is string else unique_key -%}
  delete from {{ target }}
  where ({{ keys | join(', ') }}) in (select ({{ keys | join(', ') }}) from {{ source }})
  {%- for predicate in normalize_incremental_predicates(incremental_predicates) %}
    and {{ predicate }}
  {%- endfor %};
  {%- endif %}
  {{ get_insert_into_sql(target, source, dest_columns) }}
{%- endmacro %}

{% macro get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- set predicates = kwargs.get('predicates', incremental_predicates) -%}
  {%- do return(
    adapter.dispatch('get_merge_sql', 'dbt')(target, source, unique_key, dest_columns, predicates)
  ) -%}
{%- endmacro %}

{% macro default__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- do return(duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates)) -%}
{%- endmacro %}

{#- With the options of dbt-duckdb: conditions, chosen columns, expressions, or whole clauses. -#}
{% macro duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
  {%- set clauses = config.get('merge_clauses') or {} -%}
  {%- set matched = clauses.get('when_matched') or [{
    'action': 'update', 'mode': 'explicit', 'condition': config.get('merge_update_condition'),
    'update': {
      'include': config.get('merge_update_columns') or [],
      'exclude': config.get('merge_exclude_columns') or [],
      'set_expressions': config.get('merge_update_set_expressions') or {},
    },
  }] -%}
  {%- set unmatched = clauses.get('when_not_matched') or [{
    'action': 'insert', 'mode': 'by_name', 'condition': config.get('merge_insert_condition'),
  }] -%}
  merge into {{ target }} as DBT_INTERNAL_DEST
  using {{ source }} as DBT_INTERNAL_SOURCE
  {{ merge_join_sql(unique_key, normalize_incremental_predicates(incremental_predicates)) }}
  {%- for clause in matched %}
  when matched{{ merge_condition_sql(clause) }} then {{ merge_action_sql(clause, dest_columns) }}
  {%- endfor -%}
  {%- for clause in unmatched %}
  when not matched{{ ' by ' ~ clause.by if clause.by }}{{ merge_condition_sql(clause) }} then {{ merge_action_sql(clause, dest_columns) }}
  {%- endfor -%}
{%- endmacro %}

{% macro merge_join_sql(unique_key, predicates) -%}
  {%- set using = config.get('merge_on_using_columns') or [] -%}
  {%- if using -%}
    using ({{ using | join(', ') }})
    {%- if predicates -%}
      {%- do exceptions.raise_compiler_error('a merge has either merge_on_using_columns or incremental_predicates') -%}
    {%- endif -%}
  {%- else -%}
    {%- set conditions = predicates + [] -%}
    {%- for key in ([unique_key] if unique_key is string else unique_key or []) -%}
      {%- do conditions.append(
        get_merge_unique_key_match('DBT_INTERNAL_SOURCE.' ~ key, 'DBT_INTERNAL_DEST.' ~ key)
      ) -%}
    {%- endfor -%}
    {%- if not unique_key -%}{%- do conditions.append('false') -%}{%- endif -%}
    on ({{ conditions | join(') and (') }})
  {%- endif -%}
{%- endmacro %}

{% macro merge_condition_sql(clause) -%}
  {%- set condition = clause.condition or [] -%}
  {%- if condition %} and ({{ condition if condition is string else condition | join(') and (') }}){% endif -%}
{%- endmacro %}

{% macro merge_action_sql(clause, dest_columns) -%}
  {%- set modes = {'by_name': ' by name', 'by_position': ' by position'} -%}
  {%- set assigned = [] -%}
  {%- if clause.action == 'update' and clause.mode in modes -%}
    update{{ modes[clause.mode] }}
  {%- elif clause.action == 'update' and clause.mode == 'star' -%}
    update set *
  {%- elif clause.action == 'update' -%}
    {%- set update = clause.update or {} -%}
    {%- set expressions = update.set_expressions or clause.set_expressions or {} -%}
    {%- for column, expression in expressions.items() -%}
      {%- do assigned.append(column ~ ' = ' ~ expression) -%}
    {%- endfor -%}
    {%- if clause.update -%}
      {%- for column in get_merge_update_columns(update.include or [], update.exclude or [], dest_columns)
        if column | replace('"', '') not in expressions -%}
        {%- do assigned.append(column ~ ' = DBT_INTERNAL_SOURCE.' ~ column) -%}
      {%- endfor -%}
    {%- endif -%}
    update set {{ assigned | join(', ') }}
  {%- elif clause.action == 'insert' and clause.mode in modes -%}
    insert{{ modes[clause.mode] }}
  {%- elif clause.action == 'insert' and clause.mode == 'star' -%}
    insert *
  {%- elif clause.action == 'insert' -%}
    insert ({{ clause.insert.columns | join(', ') }}) values ({{ clause.insert['values'] | join(', ') }})
  {%- elif clause.action == 'error' -%}
    error {{ "'" ~ escape_single_quotes(clause.error_message) ~ "'" if clause.error_message }}
  {%- else -%}
    {{ clause.action | replace('_', ' ') }}
  {%- endif -%}
{%- endmacro %}

{% macro get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
  {%- do return(
    adapter.dispatch('get_merge_unique_key_match', 'dbt')(source_unique_key, target_unique_key)
  ) -%}
{%- endmacro %}

{% macro default__get_merge_unique_key_match(source_unique_key, target_unique_key) -%}
  {{ source_unique_key }} = {{ target_unique_key }}
{%- endmacro %}

{#- The columns that a merge writes over, quoted. -#}
{% macro get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
  {%- do return(adapter.dispatch('get_merge_update_columns', 'dbt')(
    merge_update_columns, merge_exclude_columns, dest_columns
  )) -%}
{%- endmacro %}

{% macro default__get_merge_update_columns(merge_update_columns, merge_exclude_columns, dest_columns) -%}
  {%- if merge_update_columns and merge_exclude_columns -%}
    {%- do exceptions.raise_compiler_error(
      'a model has either merge_update_columns or merge_exclude_columns, not both'
    ) -%}
  {%- endif -%}
  {%- if merge_update_columns -%}{%- do return(merge_update_columns) -%}{%- endif -%}
  {%- set excluded = (merge_exclude_columns or []) | map('lower') | list -%}
  {%- set updated = [] -%}
  {%- for column in dest_columns if column.name | lower not in excluded -%}
    {%- do updated.append(column.quoted) -%}
  {%- endfor -%}
  {%- do return(updated) -%}
{%- endmacro %}


{% macro get_quoted_csv(column_names) -%}
  {%- set quoted = [] -%}
  {%- for name in column_names -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor -%}
  {%- do return(quoted | join(', ')) -%}
{%- endmacro %}

{#- One text or a list of texts as a list. -#}
{% macro normalize_string_or_list(raw, field_name) -%}
  {%- set items = [] if raw is none else ([raw] if raw is string else raw | list) -%}
  {%- for item in items if item is not string -%}
    {%- do exceptions.raise_compiler_error('`' ~ field_name ~ '` must be a text or a list of texts') -%}
  {%- endfor -%}
  {%- do return(items) -%}
{%- endmacro %}

{% macro normalize_incremental_predicates(incremental_predicates) -%}
  {%- do return(normalize_string_or_list(incremental_predicates, 'incremental_predicates')) -%}
{%- endmacro %}


{#- Columns of the first list whose names are not in the second. -#}
{% macro diff_columns(source_columns, target_columns) -%}
  {%- set names = target_columns | map(attribute='name') | list -%}
  {%- set missing = [] -%}
  {%- for column in source_columns if column.name not in names -%}
    {%- do missing.append(column) -%}
  {%- endfor -%}
  {%- do return(missing) -%}
{%- endmacro %}

{#- Columns of both lists whose types differ: `column_name` and `new_type`, that of the first. -#}
{% macro diff_column_data_types(source_columns, target_columns) -%}
  {%- do return(
    adapter.dispatch('diff_column_data_types', 'dbt')(source_columns, target_columns)
  ) -%}
{%- endmacro %}

{% macro default__diff_column_data_types(source_columns, target_columns) -%}
  {%- set changed = [] -%}
  {%- for column in source_columns -%}
    {%- for other in target_columns if other.name == column.name -%}
      {%- if column.data_type != other.data_type and not column.can_expand_to(other_column=other) -%}
        {%- do changed.append({'column_name': other.name, 'new_type': column.data_type}) -%}
      {%- endif -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- do return(changed) -%}
{%- endmacro %}

{% macro incremental_validate_on_schema_change(on_schema_change, default='ignore') -%}
  {%- set known = ['ignore', 'fail', 'append_new_columns', 'sync_all_columns'] -%}
  {%- do return(on_schema_change if on_schema_change in known else default) -%}
{%- endmacro %}

{% macro check_for_schema_changes(source_relation, target_relation) -%}
  {%- do return(
    adapter.dispatch('check_for_schema_changes', 'dbt')(source_relation, target_relation)
  ) -%}
{%- endmacro %}

{% macro default__check_for_schema_changes(source_relation, target_relation) -%}
  {%- set source_columns = adapter.get_columns_in_relation(source_relation) -%}
  {%- set target_columns = adapter.get_columns_in_relation(target_relation) -%}
  {%- set added = diff_columns(source_columns, target_columns) -%}
  {%- set removed = diff_columns(target_columns, source_columns) -%}
  {%- set retyped = diff_column_data_types(source_columns, target_columns) -%}
  {%- do return({
    'schema_changed': (added + removed + retyped) | length > 0,
    'source_not_in_target': added,
    'target_not_in_source': removed,
    'source_columns': source_columns,
    'target_columns': target_columns,
    'new_target_types': retyped,
  }) -%}
{%- endmacro %}

{#- Makes the target's columns fit as `on_schema_change` says; gives the columns to write, or nothing if
    they are those of the target. -#}
{% macro process_schema_changes(on_schema_change, source_relation, target_relation) -%}
  {%- do return(adapter.dispatch('process_schema_changes', 'dbt')(
    on_schema_change, source_relation, target_relation
  )) -%}
{%- endmacro %}

{% macro default__process_schema_changes(on_schema_change, source_relation, target_relation) -%}
  {%- if on_schema_change == 'ignore' -%}{%- do return({}) -%}{%- endif -%}
  {%- set changes = check_for_schema_changes(source_relation, target_relation) -%}
  {%- if changes['schema_changed'] -%}
    {%- if on_schema_change == 'fail' -%}
      {%- do exceptions.raise_compiler_error(
        'the columns of incremental model `' ~ model.name ~ '` are not those of its table: new '
        ~ changes['source_not_in_target'] ~ ', missing ' ~ changes['target_not_in_source']
        ~ ', retyped ' ~ changes['new_target_types']
        ~ '; make it anew with `--full-refresh`, or let `on_schema_change` change the table'
      ) -%}
    {%- endif -%}
    {%- do sync_column_schemas(on_schema_change, target_relation, changes) -%}
  {%- endif -%}
  {%- do return(changes['source_columns']) -%}
{%- endmacro %}

{% macro sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
  {%- do return(adapter.dispatch('sync_column_schemas', 'dbt')(
    on_schema_change, target_relation, schema_changes_dict
  )) -%}
{%- endmacro %}

{% macro default__sync_column_schemas(on_schema_change, target_relation, schema_changes_dict) -%}
  {%- set added = schema_changes_dict['source_not_in_target'] -%}
  {%- set removed = schema_changes_dict['target_not_in_source'] -%}
  {%- if on_schema_change == 'append_new_columns' and added -%}
    {%- do alter_relation_add_remove_columns(target_relation, added, none) -%}
  {%- elif on_schema_change == 'sync_all_columns' -%}
    {%- if added or removed -%}
      {%- do alter_relation_add_remove_columns(target_relation, added, removed) -%}
    {%- endif -%}
    {%- for change in schema_changes_dict['new_target_types'] -%}
      {%- do alter_column_type(target_relation, change['column_name'], change['new_type']) -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}
