{#- Schemas and the catalog. -#}

{% macro create_schema(relation) -%}
  {%- do return(adapter.dispatch('create_schema', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__create_schema(relation) -%}
  {%- call statement('create_schema') -%}
    create schema if not exists {{ relation.without_identifier() }}
  {%- endcall -%}
{%- endmacro %}

{% macro drop_schema(relation) -%}
  {%- do return(adapter.dispatch('drop_schema', 'dbt')(relation)) -%}
{%- endmacro %}

{% macro default__drop_schema(relation) -%}
  {%- call statement('drop_schema') -%}
    drop schema if exists {{ relation.without_identifier() }} cascade
  {%- endcall -%}
{%- endmacro %}

{% macro drop_schema_named(schema_name) -%}
  {%- do return(adapter.dispatch('drop_schema_named', 'dbt')(schema_name)) -%}
{%- endmacro %}

{% macro default__drop_schema_named(schema_name) -%}
  {%- do adapter.drop_schema(api.Relation.create(schema=schema_name)) -%}
{%- endmacro %}

{% macro information_schema_name(database) -%}
  {%- do return(adapter.dispatch('information_schema_name', 'dbt')(database)) -%}
{%- endmacro %}

{% macro default__information_schema_name(database) -%}
  {{ database ~ '.' if database }}INFORMATION_SCHEMA
{%- endmacro %}

{#- One row a schema. -#}
{% macro list_schemas(database) -%}
  {%- do return(adapter.dispatch('list_schemas', 'dbt')(database)) -%}
{%- endmacro %}

{% macro default__list_schemas(database) -%}
  {%- do return(run_query(
    "select schema_name from system.information_schema.schemata"
    ~ (" where lower(catalog_name) = lower('" ~ escape_single_quotes(database) ~ "')" if database else '')
  )) -%}
{%- endmacro %}

{#- One row with the number of schemas of this name. -#}
{% macro check_schema_exists(information_schema, schema) -%}
  {%- do return(adapter.dispatch('check_schema_exists', 'dbt')(information_schema, schema)) -%}
{%- endmacro %}

{% macro default__check_schema_exists(information_schema, schema) -%}
  {%- set database = information_schema.database or target.database -%}
  {%- do return(run_query(
    "select count(*) from system.information_schema.schemata where lower(schema_name) = lower('"
    ~ escape_single_quotes(schema) ~ "') and lower(catalog_name) = lower('"
    ~ escape_single_quotes(database) ~ "')"
  )) -%}
{%- endmacro %}

{#- One row a relation of a schema: database, name, schema, type. -#}
{% macro list_relations_without_caching(schema_relation) -%}
  {%- do return(adapter.dispatch('list_relations_without_caching', 'dbt')(schema_relation)) -%}
{%- endmacro %}

{% macro default__list_relations_without_caching(schema_relation) -%}
  {%- call statement('list_relations_without_caching', fetch_result=True) -%}
    select
      table_catalog as database,
      table_name as name,
      table_schema as schema,
      case when table_type = 'VIEW' then 'view' else 'table' end as type
    from system.information_schema.tables
    where lower(table_schema) = lower('{{ escape_single_quotes(schema_relation.schema) }}')
      and lower(table_catalog) = lower('{{ escape_single_quotes(schema_relation.database) }}')
  {%- endcall -%}
  {%- do return(load_result('list_relations_without_caching').table) -%}
{%- endmacro %}


{#- One row a column of every relation in these schemas, or of these relations, under dbt's names. -#}
{% macro get_catalog(information_schema, schemas) -%}
  {%- do return(adapter.dispatch('get_catalog', 'dbt')(information_schema, schemas)) -%}
{%- endmacro %}

{% macro default__get_catalog(information_schema, schemas) -%}
  {%- set conditions = [] -%}
  {%- for schema in schemas -%}
    {%- do conditions.append("lower(table_schema) = lower('" ~ escape_single_quotes(schema) ~ "')") -%}
  {%- endfor -%}
  {%- do return(run_query(catalog_query(information_schema.database or target.database, conditions))) -%}
{%- endmacro %}

{% macro get_catalog_relations(information_schema, relations) -%}
  {%- do return(adapter.dispatch('get_catalog_relations', 'dbt')(information_schema, relations)) -%}
{%- endmacro %}

{% macro default__get_catalog_relations(information_schema, relations) -%}
  {%- set conditions = [] -%}
  {%- for relation in relations -%}
    {%- if not relation.schema -%}
      {%- do exceptions.raise_compiler_error('`get_catalog_relations` needs relations with a schema') -%}
    {%- endif -%}
    {%- set condition = "lower(table_schema) = lower('" ~ escape_single_quotes(relation.schema) ~ "')" -%}
    {%- if relation.identifier -%}
      {%- set condition = condition
        ~ " and lower(table_name) = lower('" ~ escape_single_quotes(relation.identifier) ~ "')" -%}
    {%- endif -%}
    {%- do conditions.append('(' ~ condition ~ ')') -%}
  {%- endfor -%}
  {%- do return(run_query(catalog_query(information_schema.database or target.database, conditions))) -%}
{%- endmacro %}

{% macro catalog_query(database, conditions) -%}
with relations as (
  select database_name, schema_name, table_name, 'BASE TABLE' as table_type, comment
  from duckdb_tables()
  union all
  select database_name, schema_name, view_name, 'VIEW', comment
  from duckdb_views()
)
select
  relations.database_name as table_database,
  relations.schema_name as table_schema,
  relations.table_name,
  relations.table_type,
  relations.comment as table_comment,
  columns.column_name,
  columns.column_index,
  columns.data_type as column_type,
  columns.comment as column_comment,
  null as table_owner
from relations
join duckdb_columns() as columns using (database_name, schema_name, table_name)
where lower(table_database) = lower('{{ escape_single_quotes(database) }}')
  and ({{ conditions | join(' or ') or '1 = 0' }})
order by table_schema, table_name, column_index
{%- endmacro %}
