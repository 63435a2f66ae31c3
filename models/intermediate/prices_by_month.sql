{{ config(materialized='ephemeral') }}

-- The price list says from when to when a price holds. The pipeline counts in months, so this step
-- spells out one price for each product and month. It is ephemeral: 96 rows that one model reads
-- need no table of their own, the query is put into that model as a CTE.

with months as (
    select make_date({{ var('reporting_year') }}, month, 1) as sales_month
    from range(1, 13) as calendar(month)
)

select
    prices.product_code,
    months.sales_month,
    prices.unit_price_cents
from {{ ref('prices') }} as prices
inner join months
    on months.sales_month >= prices.valid_from
    and months.sales_month <= coalesce(prices.valid_to, date '9999-12-31')
