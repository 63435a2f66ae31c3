{#- External models: where their files are, and views of those that a run reads and does not make. -#}

{% macro external_location(relation, config) -%}
  {%- set name = adapter.external_root() ~ '/' ~ relation.identifier -%}
  {%- if (config.get('options') or {}).get('partition_by') is none -%}
    {%- set name = name ~ '.' ~ (config.get('format') or 'parquet') -%}
  {%- endif -%}
  {%- do return(name) -%}
{%- endmacro %}

{#- A hook for runs in a database that does not keep them: `on-run-start: "{{ register_upstream_external_models() }}"`. -#}
{% macro register_upstream_external_models() -%}
  {%- if execute -%}
    {%- set seen = [] -%}
    {%- for id in selected_resources if id in graph.nodes -%}
      {%- for parent in graph.nodes[id].depends_on.nodes if parent not in seen and parent not in selected_resources -%}
        {%- do seen.append(parent) -%}
        {%- set node = graph.nodes.get(parent) -%}
        {%- if node and (node.config.materialized == 'external' or rows_are_in_files(node)) -%}
          {%- do register_external_model(node) -%}
        {%- endif -%}
      {%- endfor -%}
    {%- endfor -%}
  {%- endif -%}
{%- endmacro %}

{#- Whether a node is an incremental model or a snapshot without a table. -#}
{% macro rows_are_in_files(node) -%}
  {%- set is_kept = node.config.materialized in ['incremental', 'snapshot'] -%}
  {{ return(is_kept and node.config.get('location')) }}
{%- endmacro %}

{% macro register_files(node, relation) -%}
  {%- set location = node.config.location -%}
  {%- if not location.lower().endswith('.parquet') -%}
    {%- set partitions = (node.config.get('options') or {}).get('partition_by') or node.config.get('partition_by') or [] -%}
    {%- set partitions = partitions.split(',') if partitions is string else partitions -%}
    {%- set location = location ~ '/' ~ '*/' * (partitions | length) ~ '*.parquet' -%}
  {%- endif -%}
  {%- do run_query(
    "create or replace view " ~ relation ~ " as (select * from read_parquet('" ~ escape_single_quotes(location)
    ~ "', union_by_name=true))"
  ) -%}
{%- endmacro %}

{% macro register_external_model(node) -%}
  {%- set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
  {%- set options = dict(node.config.get('options') or {}) -%}
  {%- if node.config.get('format') -%}{%- do options.update({'format': node.config.format}) -%}{%- endif -%}
  {%- set location = node.config.get('location') or external_location(relation, node.config) -%}
  {%- do run_query('create schema if not exists ' ~ relation.include(identifier=false)) -%}
  {%- if rows_are_in_files(node) -%}{{ return(register_files(node, relation)) }}{%- endif -%}
  {%- do run_query(
    "create or replace view " ~ relation ~ " as (select * from '"
    ~ escape_single_quotes(adapter.external_read_location(location, options)) ~ "')"
  ) -%}
{%- endmacro %}
