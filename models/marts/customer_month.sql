-- From 6,000 rows to 1,200: the products are summed up, and each customer gets its segment.

with monthly as (
    select
        customer_id,
        sales_month,
        cast(sum(sales_lines) as bigint) as sales_lines,
        cast(sum(quantity) as bigint) as quantity,
        cast(sum(revenue_cents) as bigint) as revenue_cents
    from {{ ref('customer_product_month') }}
    group by customer_id, sales_month
)

select
    monthly.customer_id,
    customers.customer_name,
    customers.segment_code,
    monthly.sales_month,
    monthly.sales_lines,
    monthly.quantity,
    monthly.revenue_cents
from monthly
left join {{ ref('customers') }} as customers
    on customers.customer_id = monthly.customer_id
