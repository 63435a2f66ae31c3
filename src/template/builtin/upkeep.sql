{#- What is done to a relation once it is made: indexes, grants, comments. -#}

{% macro create_indexes(relation) -%}
  {%- do return(adapter.dispatch('create_indexes', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__create_indexes(relation) -%}
  {%- for index in config.get('indexes', default=[]) -%}
    {%- set create = get_create_index_sql(relation, index) -%}
    {%- if create -%}{%- do run_query(create) -%}{%- endif -%}
  {%- endfor -%}
{%- endmacro %}

{% macro get_create_index_sql(relation, index_dict) -%}
  {%- do return(adapter.dispatch('get_create_index_sql', 'dbt')(relation, index_dict)) -%}
{%- endmacro %}

{% macro default__get_create_index_sql(relation, index_dict) -%}
  {%- do return(duckdb__get_create_index_sql(relation, index_dict)) -%}
{%- endmacro %}

{#- Its name tells what it is about, so that two indexes of one table do not meet. -#}
{% macro duckdb__get_create_index_sql(relation, index_dict) -%}
  {%- set unique = index_dict.get('unique', false) -%}
  {%- set parts = index_dict.columns + [relation.render(), unique | string] -%}
  create {{ 'unique ' if unique }}index "{{ local_md5(parts | join('_')) }}"
  on {{ relation }} ({{ index_dict.columns | join(', ') }})
{%- endmacro %}

{% macro get_drop_index_sql(relation, index_name) -%}
  {%- do return(adapter.dispatch('get_drop_index_sql', 'dbt')(relation, index_name)) -%}
{%- endmacro %}

{% macro default__get_drop_index_sql(relation, index_name) -%}
  drop index if exists {{ relation.include(identifier=false) }}.{{ adapter.quote(index_name) }}
{%- endmacro %}

{% macro get_show_indexes_sql(relation) -%}
  {%- do return(adapter.dispatch('get_show_indexes_sql', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__get_show_indexes_sql(relation) -%}
  select index_name
  from duckdb_indexes()
  where lower(database_name) = lower('{{ escape_single_quotes(relation.database) }}')
    and lower(schema_name) = lower('{{ escape_single_quotes(relation.schema) }}')
    and lower(table_name) = lower('{{ escape_single_quotes(relation.identifier) }}')
{%- endmacro %}

{#- DuckDB does not rename a table that has indexes. -#}
{% macro drop_indexes_on_relation(relation) -%}
  {%- for row in run_query(get_show_indexes_sql(relation)) -%}
    {%- do run_query(get_drop_index_sql(relation, row[0])) -%}
  {%- endfor -%}
{%- endmacro %}


{#- DuckDB has no users to grant anything to. -#}
{% macro apply_grants(relation, grant_config, should_revoke=True) -%}
  {%- do return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) -%}
{%- endmacro %}

{% macro default__apply_grants(relation, grant_config, should_revoke=True) -%}
  {%- if grant_config -%}
    {%- do exceptions.warn('grants are not supported by DuckDB: none is made on ' ~ relation) -%}
  {%- endif -%}
{%- endmacro %}

{% macro copy_grants() -%}
  {%- do return(adapter.dispatch('copy_grants', 'dbt')()) -%}
{%- endmacro %}

{% macro default__copy_grants() -%}
  {%- do return(true) -%}
{%- endmacro %}

{#- Whether grants of before could still be there. -#}
{% macro should_revoke(existing_relation, full_refresh_mode=True) -%}
  {%- if not existing_relation -%}{%- do return(false) -%}{%- endif -%}
  {%- do return(copy_grants() if full_refresh_mode else true) -%}
{%- endmacro %}


{#- Descriptions as comments in the database, where `persist_docs` asks for them. -#}
{% macro persist_docs(relation, model, for_relation=true, for_columns=true) -%}
  {%- do return(adapter.dispatch('persist_docs', 'dbt')(relation, model, for_relation, for_columns)) -%}
{%- endmacro %}

{% macro default__persist_docs(relation, model, for_relation, for_columns) -%}
  {%- set wanted = config.get('persist_docs') or {} -%}
  {%- if for_relation and wanted.get('relation') and model.description -%}
    {%- do run_query(alter_relation_comment(relation, model.description)) -%}
  {%- endif -%}
  {%- if for_columns and wanted.get('columns') and model.columns -%}
    {%- set existing = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- set comments = alter_column_comment(relation, validate_doc_columns(relation, model.columns, existing)) -%}
    {%- if comments and comments | trim -%}{%- do run_query(comments) -%}{%- endif -%}
  {%- endif -%}
{%- endmacro %}

{#- The described columns that are there; a warning names the others. -#}
{% macro validate_doc_columns(relation, column_dict, existing_column_names) -%}
  {%- set lowered = existing_column_names | map('lower') | list -%}
  {%- set present = {} -%}
  {%- set missing = [] -%}
  {%- for name, column in column_dict.items() -%}
    {%- if name in existing_column_names or (not column.get('quote') and name | lower in lowered) -%}
      {%- do present.update({name: column}) -%}
    {%- else -%}
      {%- do missing.append(name) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if missing -%}
    {%- do exceptions.warn(relation ~ ' has no column ' ~ missing | join(', ') ~ ', which is described') -%}
  {%- endif -%}
  {%- do return(present) -%}
{%- endmacro %}

{% macro alter_relation_comment(relation, relation_comment) -%}
  {%- do return(adapter.dispatch('alter_relation_comment', 'dbt')(relation, relation_comment)) -%}
{%- endmacro %}

{% macro default__alter_relation_comment(relation, relation_comment) -%}
  comment on {{ relation.type or 'table' }} {{ relation }} is '{{ escape_single_quotes(relation_comment) }}';
{%- endmacro %}

{% macro alter_column_comment(relation, column_dict) -%}
  {%- do return(adapter.dispatch('alter_column_comment', 'dbt')(relation, column_dict)) -%}
{%- endmacro %}

{% macro default__alter_column_comment(relation, column_dict) -%}
  {%- for name, column in column_dict.items() %}
  comment on column {{ relation }}.{{ adapter.quote(name) }} is '{{ escape_single_quotes(column.description) }}';
  {%- endfor -%}
{%- endmacro %}
