{#
    The loader of this example, in plain SQL instead of a 40 MB file in git.

    It writes what a shop system might send: one row a sales line, 5,000 lines for each of 100
    customers, spread over 2025. Everything but `loaded_at` is arithmetic on the line's number, so
    every machine gets the same 500,000 rows. The table is untidy on purpose (numbers as text,
    cancelled lines, columns nobody needs): tidying it is the work of `stg_sales`.
#}
{% macro load_raw_sales() %}
create schema if not exists raw;

create or replace table raw.sales as
with numbers as (
    select
        line,
        line % 100 + 1001 as customer
    from range(500000) as lines(line)
),

draws as (
    select
        line,
        customer,
        timestamp '2025-01-01' + to_seconds({{ draw('line', 1, 365 * 24 * 60 * 60) }}) as sold_at,
        -- A customer buys five neighbouring products out of the eight.
        (customer + {{ draw('line', 2, 5) }}) % 8 + 1 as product,
        -- Some customers buy up to four times as much as others.
        (1 + {{ draw('line', 3, 6) }}) * (1 + customer % 4) as bags,
        -- Three lines in a hundred are cancelled.
        {{ draw('line', 4, 100) }} < 3 as is_cancelled
    from numbers
)

select
    line + 1 as sale_no,
    'C' || customer as customer_no,
    ['BRAN', 'MALT', 'OAT', 'RYE', 'SEMOLINA', 'SPELT', 'WHEAT', 'WHOLEMEAL'][product] as item,
    sold_at,
    -- People bake more before the end of the year.
    cast(if(month(sold_at) >= 11, bags + 2, bags) as varchar) as qty,
    if(is_cancelled, 'cancelled', 'completed') as status,
    line % 7 + 1 as till_no,
    ['Ada', 'Bram', 'Cleo'][line % 3 + 1] as clerk,
    now() as loaded_at
from draws
{% endmacro %}


{#
    A whole number from 0 to size - 1 that looks random and is the same on every machine: multiply
    by a large odd number, keep 32 bits, fold the high bits into the low ones, do it again, scale.
#}
{% macro draw(number, salt, size) -%}
{%- set scattered = '((' ~ number ~ ' + ' ~ salt ~ '000000) * 2654435761 & 4294967295)' -%}
(((xor({{ scattered }}, {{ scattered }} >> 15) * 1274126177 & 4294967295) * {{ size }}) >> 32)
{%- endmacro %}
