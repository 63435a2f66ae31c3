-- The one big aggregation: about 485,000 lines become 6,000 rows. Prices are joined afterwards, to
-- the 6,000 rows. Joined before, the same price would be looked up 485,000 times.

with monthly as (
    select
        customer_id,
        product_code,
        cast(date_trunc('month', sold_at) as date) as sales_month,
        count(*) as sales_lines,
        -- A sum of integers is a HUGEINT in DuckDB, which few clients read.
        cast(sum(quantity) as bigint) as quantity
    from {{ ref('stg_sales') }}
    group by customer_id, product_code, sales_month
)

select
    monthly.customer_id,
    monthly.product_code,
    monthly.sales_month,
    monthly.sales_lines,
    monthly.quantity,
    prices.unit_price_cents,
    monthly.quantity * prices.unit_price_cents as revenue_cents
from monthly
-- A left join never loses a sale. Where the price list has a gap the price is null, and the
-- not_null test says so; an inner join would lower the revenue and tell nobody.
left join {{ ref('prices_by_month') }} as prices
    on prices.product_code = monthly.product_code
    and prices.sales_month = monthly.sales_month
