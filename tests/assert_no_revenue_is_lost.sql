-- The pipeline aggregates first and prices later, by the month. This test takes the slow and simple
-- way: it prices each line on the day of its sale, and both ways must agree to the cent.
-- It finds what the tests of single columns cannot: a price that changes in the middle of a month,
-- and rows lost or doubled by a join. A test passes when it returns no rows.

with line_by_line as (
    select sum(sales.quantity * prices.unit_price_cents) as revenue_cents
    from {{ ref('stg_sales') }} as sales
    inner join {{ ref('prices') }} as prices
        on prices.product_code = sales.product_code
        and sales.sold_at >= prices.valid_from
        and sales.sold_at < coalesce(prices.valid_to, date '9999-12-30') + 1
),

dashboard as (
    select sum(revenue_euros) as revenue_euros
    from {{ ref('segment_month') }}
)

select
    {{ cents_to_euros('line_by_line.revenue_cents') }} as expected_euros,
    dashboard.revenue_euros as reported_euros
from line_by_line
cross join dashboard
where expected_euros is distinct from reported_euros
