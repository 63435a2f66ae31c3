{#- Series of numbers and dates. Each macro goes to `duckdb__x` or else `default__x`, which a project
    may replace by its own.

    `get_intervals_between`, and so `date_spine`, ask the warehouse how many rows are needed: they work only
    where a template may run queries. -#}

{#- The count of periods, from a query; 1 while nothing is asked. -#}
{% macro get_intervals_between(start_date, end_date, datepart) -%}
  {%- do return(adapter.dispatch('get_intervals_between', 'dbt')(start_date, end_date, datepart)) -%}
{%- endmacro %}

{% macro default__get_intervals_between(start_date, end_date, datepart) -%}
  {%- call statement('get_intervals_between', fetch_result=true) -%}
    select {{ dbt.datediff(start_date, end_date, datepart) }}
  {%- endcall -%}
  {%- set answer = load_result('get_intervals_between') -%}
  {%- do return(answer['data'][0][0] if answer and answer['data'] else 1) -%}
{%- endmacro %}


{#- A column `date_<datepart>` from the start up to, but without, the end. -#}
{% macro date_spine(datepart, start_date, end_date) -%}
  {%- do return(adapter.dispatch('date_spine', 'dbt')(datepart, start_date, end_date)) -%}
{%- endmacro %}

{% macro default__date_spine(datepart, start_date, end_date) -%}
  {%- set count = dbt.get_intervals_between(start_date, end_date, datepart) -%}
with numbers as (
    {{ dbt.generate_series(count) | indent(4) }}
),

periods as (
    select {{ dbt.dateadd(datepart, 'generated_number - 1', start_date) }} as date_{{ datepart }}
    from numbers
)

select date_{{ datepart }}
from periods
where date_{{ datepart }} <= {{ end_date }}
{%- endmacro %}


{#- Whole numbers from 1 to the bound in a column `generated_number`. -#}
{% macro generate_series(upper_bound) -%}
  {%- do return(adapter.dispatch('generate_series', 'dbt')(upper_bound)) -%}
{%- endmacro %}

{% macro default__generate_series(upper_bound) -%}
  {%- set digits = dbt.get_powers_of_two(upper_bound) -%}
with bits as (
    select 0 as bit
    union all
    select 1 as bit
),

counted as (
    select 1{% for n in range(digits) %} + b{{ n }}.bit * {{ 2 ** n }}{% endfor %} as generated_number
    from {% for n in range(digits) %}bits as b{{ n }}{{ ' cross join ' if not loop.last }}{% endfor %}
)

select generated_number
from counted
where generated_number <= {{ upper_bound }}
order by generated_number
{%- endmacro %}

{% macro duckdb__generate_series(upper_bound) -%}
select number as generated_number
from generate_series(1, {{ upper_bound }}) as numbers(number)
{%- endmacro %}


{#- The number of binary digits that a bound needs, at least 1. -#}
{% macro get_powers_of_two(upper_bound) -%}
  {%- do return(adapter.dispatch('get_powers_of_two', 'dbt')(upper_bound)) -%}
{%- endmacro %}

{% macro default__get_powers_of_two(upper_bound) -%}
  {%- if upper_bound <= 0 -%}
    {%- do exceptions.raise_compiler_error('a series needs a bound above 0, not ' ~ upper_bound) -%}
  {%- endif -%}
  {%- for digits in range(1, 100) -%}
    {%- if 2 ** digits >= upper_bound -%}{%- do return(digits) -%}{%- endif -%}
  {%- endfor -%}
{%- endmacro %}
