{#- Tables and views: finding, naming, creating, replacing, renaming and dropping them. -#}

{#- The relation as it is in the warehouse, or none. -#}
{% macro load_cached_relation(relation) -%}
  {%- do return(adapter.get_relation(relation.database, relation.schema, relation.identifier)) -%}
{%- endmacro %}

{% macro load_relation(relation) -%}
  {%- do return(load_cached_relation(relation)) -%}
{%- endmacro %}

{#- Whether it is there, and the relation: that of the warehouse, or a new one of the type given. -#}
{% macro get_or_create_relation(database, schema, identifier, type) -%}
  {%- do return(adapter.dispatch('get_or_create_relation', 'dbt')(database, schema, identifier, type)) -%}
{%- endmacro %}

{% macro default__get_or_create_relation(database, schema, identifier, type) -%}
  {%- set found = adapter.get_relation(database=database, schema=schema, identifier=identifier) -%}
  {%- if found -%}{%- do return([true, found]) -%}{%- endif -%}
  {%- do return([
    false,
    api.Relation.create(database=database, schema=schema, identifier=identifier, type=type),
  ]) -%}
{%- endmacro %}


{#- Names for what exists only while a node is made. -#}
{% macro make_intermediate_relation(base_relation, suffix='__dbt_tmp') -%}
  {%- do return(adapter.dispatch('make_intermediate_relation', 'dbt')(base_relation, suffix)) -%}
{%- endmacro %}

{% macro default__make_intermediate_relation(base_relation, suffix) -%}
  {%- do return(default__make_temp_relation(base_relation, suffix)) -%}
{%- endmacro %}

{% macro make_backup_relation(base_relation, backup_relation_type, suffix='__dbt_backup') -%}
  {%- do return(
    adapter.dispatch('make_backup_relation', 'dbt')(base_relation, backup_relation_type, suffix)
  ) -%}
{%- endmacro %}

{% macro default__make_backup_relation(base_relation, backup_relation_type, suffix) -%}
  {%- set name = base_relation.identifier ~ suffix -%}
  {%- do return(base_relation.incorporate(path={'identifier': name}, type=backup_relation_type)) -%}
{%- endmacro %}

{% macro make_temp_relation(base_relation, suffix='__dbt_tmp') -%}
  {%- if model.batch and suffix == '__dbt_tmp' -%}
    {%- set suffix = suffix ~ '_' ~ model.batch.id -%}
  {%- endif -%}
  {%- do return(adapter.dispatch('make_temp_relation', 'dbt')(base_relation, suffix)) -%}
{%- endmacro %}

{% macro default__make_temp_relation(base_relation, suffix) -%}
  {%- do return(base_relation.incorporate(path={'identifier': base_relation.identifier ~ suffix})) -%}
{%- endmacro %}

{#- Temporary tables are in no schema of a database: the name alone finds them. -#}
{% macro duckdb__make_temp_relation(base_relation, suffix) -%}
  {%- set name = base_relation.identifier ~ suffix ~ py_current_timestring() -%}
  {%- do return(
    base_relation.incorporate(path={'identifier': name, 'schema': none, 'database': none})
  ) -%}
{%- endmacro %}

{% macro py_current_timestring() -%}
  {%- do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) -%}
{%- endmacro %}


{#- `create`, by the relation's type. -#}
{% macro get_create_sql(relation, sql) -%}
  {%- do return(adapter.dispatch('get_create_sql', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__get_create_sql(relation, sql) -%}
  {%- if relation.is_view -%}
    {%- do return(get_create_view_as_sql(relation, sql)) -%}
  {%- elif relation.is_table -%}
    {%- do return(get_create_table_as_sql(false, relation, sql)) -%}
  {%- endif -%}
  {%- do exceptions.raise_compiler_error('a relation of type ' ~ relation.type ~ ' cannot be created') -%}
{%- endmacro %}

{% macro get_create_table_as_sql(temporary, relation, sql) -%}
  {%- do return(adapter.dispatch('get_create_table_as_sql', 'dbt')(temporary, relation, sql)) -%}
{%- endmacro %}

{% macro default__get_create_table_as_sql(temporary, relation, sql) -%}
  {%- do return(create_table_as(temporary, relation, sql)) -%}
{%- endmacro %}

{% macro create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
  {%- set create = adapter.dispatch('create_table_as', 'dbt') -%}
  {#- A project's own form may take the first three only. -#}
  {%- if language == 'sql' and partitioned_by is none and sorted_by is none -%}
    {%- do return(create(temporary, relation, compiled_code)) -%}
  {%- endif -%}
  {%- do return(create(
    temporary, relation, compiled_code, language, partitioned_by=partitioned_by, sorted_by=sorted_by
  )) -%}
{%- endmacro %}

{% macro default__create_table_as(temporary, relation, sql) -%}
  {%- do return(duckdb__create_table_as(temporary, relation, sql)) -%}
{%- endmacro %}

{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql', partitioned_by=none, sorted_by=none) -%}
  {%- if language != 'sql' -%}
    {%- do exceptions.raise_compiler_error('tables are made of SQL only, not of ' ~ language) -%}
  {%- endif -%}
  {%- set has_contract = config.get('contract', {}).enforced -%}
  {%- set name = relation.include(database=(not temporary), schema=(not temporary)) -%}
  {%- if has_contract -%}{{ get_assert_columns_equivalent(compiled_code) }}{%- endif -%}
  {{ config.get('sql_header') or '' }}
  create {{ 'temporary ' if temporary }}table {{ name }}
  {%- if has_contract and not temporary %} {{ get_table_columns_and_constraints() }};
  insert into {{ name }} (
    {%- for column in model.columns.values() -%}
    {{ adapter.quote(column.name) if column.get('quote') else column.name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
  ) (
    {{ get_select_subquery(compiled_code) }}
  );
  {%- else %} as (
    {{ compiled_code }}
  );
  {%- endif -%}
{%- endmacro %}

{#- A query's columns in the order in which the properties list them. -#}
{% macro get_select_subquery(sql) -%}
  {%- do return(adapter.dispatch('get_select_subquery', 'dbt')(sql)) -%}
{%- endmacro %}

{% macro default__get_select_subquery(sql) -%}
  select {{ adapter.dispatch('get_column_names', 'dbt')() }}
  from (
    {{ sql }}
  ) as model_subq
{%- endmacro %}

{% macro default__get_column_names() -%}
  {%- for column in model.columns.values() -%}
  {{ adapter.quote(column.name) if column.get('quote') else column.name }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}

{% macro get_column_names() -%}
  ({{ default__get_column_names() }})
{%- endmacro %}

{% macro get_create_view_as_sql(relation, sql) -%}
  {%- do return(adapter.dispatch('get_create_view_as_sql', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__get_create_view_as_sql(relation, sql) -%}
  {%- do return(create_view_as(relation, sql)) -%}
{%- endmacro %}

{% macro create_view_as(relation, sql) -%}
  {%- do return(adapter.dispatch('create_view_as', 'dbt')(relation, sql)) -%}
{%- endmacro %}

{% macro default__create_view_as(relation, sql) -%}
  {%- do return(duckdb__create_view_as(relation, sql)) -%}
{%- endmacro %}

{% macro duckdb__create_view_as(relation, sql) -%}
  {%- if config.get('contract', {}).enforced -%}{{ get_assert_columns_equivalent(sql) }}{%- endif -%}
  {{ config.get('sql_header') or '' }}
  create view {{ relation }} as (
    {{ sql }}
  );
{%- endmacro %}


{#- `drop`, by the relation's type. -#}
{% macro get_drop_sql(relation) -%}
  {%- do return(adapter.dispatch('get_drop_sql', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_drop_sql(relation) -%}
  {%- if relation.is_view -%}{%- do return(drop_view(relation)) -%}{%- endif -%}
  {%- if relation.is_table -%}{%- do return(drop_table(relation)) -%}{%- endif -%}
  drop {{ relation.type }} if exists {{ relation.render() }} cascade
{%- endmacro %}

{% macro drop_table(relation) -%}
  {%- do return(adapter.dispatch('drop_table', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__drop_table(relation) -%}
  drop table if exists {{ relation.render() }} cascade
{%- endmacro %}

{% macro drop_view(relation) -%}
  {%- do return(adapter.dispatch('drop_view', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__drop_view(relation) -%}
  drop view if exists {{ relation.render() }} cascade
{%- endmacro %}

{% macro drop_relation(relation) -%}
  {%- do return(adapter.dispatch('drop_relation', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__drop_relation(relation) -%}
  {%- call statement('drop_relation', auto_begin=False) -%}
    {{ get_drop_sql(relation) }}
  {%- endcall -%}
{%- endmacro %}

{#- Without a type nobody knows what to drop: what is there is looked up. -#}
{% macro duckdb__drop_relation(relation) -%}
  {%- set found = relation if relation.type else load_cached_relation(relation) -%}
  {%- if found -%}{%- do default__drop_relation(found) -%}{%- endif -%}
{%- endmacro %}

{% macro drop_relation_if_exists(relation) -%}
  {%- if relation is not none -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
{%- endmacro %}

{% macro truncate_relation(relation) -%}
  {%- do return(adapter.dispatch('truncate_relation', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__truncate_relation(relation) -%}
  {%- call statement('truncate_relation') -%}
    truncate table {{ relation.render() }}
  {%- endcall -%}
{%- endmacro %}


{#- `rename`, by the relation's type. -#}
{% macro rename_relation(from_relation, to_relation) -%}
  {%- do return(adapter.dispatch('rename_relation', 'dbt')(from_relation, to_relation)) -%}
{%- endmacro %}

{% macro default__rename_relation(from_relation, to_relation) -%}
  {%- do return(duckdb__rename_relation(from_relation, to_relation)) -%}
{%- endmacro %}

{% macro duckdb__rename_relation(from_relation, to_relation) -%}
  {%- call statement('rename_relation') -%}
    alter {{ to_relation.type or from_relation.type or 'table' }} {{ from_relation.render() }}
    rename to {{ adapter.quote(to_relation.identifier) }}
  {%- endcall -%}
{%- endmacro %}

{% macro get_rename_sql(relation, new_name) -%}
  {%- do return(adapter.dispatch('get_rename_sql', 'dbt')(relation, new_name)) -%}
{%- endmacro %}

{% macro default__get_rename_sql(relation, new_name) -%}
  {%- if relation.is_view -%}{%- do return(get_rename_view_sql(relation, new_name)) -%}{%- endif -%}
  {%- do return(get_rename_table_sql(relation, new_name)) -%}
{%- endmacro %}

{% macro get_rename_table_sql(relation, new_name) -%}
  {%- do return(adapter.dispatch('get_rename_table_sql', 'dbt')(relation, new_name)) -%}
{%- endmacro %}

{% macro default__get_rename_table_sql(relation, new_name) -%}
  alter table {{ relation.render() }} rename to {{ adapter.quote(new_name) }}
{%- endmacro %}

{% macro get_rename_view_sql(relation, new_name) -%}
  {%- do return(adapter.dispatch('get_rename_view_sql', 'dbt')(relation, new_name)) -%}
{%- endmacro %}

{% macro default__get_rename_view_sql(relation, new_name) -%}
  alter view {{ relation.render() }} rename to {{ adapter.quote(new_name) }}
{%- endmacro %}
