-- What the dashboard reads: 3 segments x 12 months = 36 rows. Everything expensive has happened
-- before, so a question to this table costs nothing, however often it is asked.

with monthly as (
    select
        segment_code,
        sales_month,
        count(*) as active_customers,
        cast(sum(sales_lines) as bigint) as sales_lines,
        cast(sum(quantity) as bigint) as quantity,
        {{ cents_to_euros('sum(revenue_cents)') }} as revenue_euros
    from {{ ref('customer_month') }}
    group by segment_code, sales_month
)

select
    monthly.segment_code,
    segments.segment_name,
    monthly.sales_month,
    monthly.active_customers,
    monthly.sales_lines,
    monthly.quantity,
    monthly.revenue_euros
from monthly
left join {{ ref('segments') }} as segments
    on segments.segment_code = monthly.segment_code
