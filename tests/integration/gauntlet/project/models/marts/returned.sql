{{ config(aligned_with=['raw.sales', 'shop.returns'], within='6 hours') }}
-- Sales beside returns: wrong if one of the two was loaded long before the other.
with sold as (
    select customer_id, cast(sum(sales_lines) as bigint) as sales_lines
    from {{ ref('customer_product_month') }}
    group by customer_id
),

returned as (
    select cast(substr(customer_no, 2) as integer) as customer_id, count(*) as returned_lines
    from {{ source('shop', 'returns') }}
    group by customer_id
)

select sold.customer_id, sold.sales_lines, coalesce(returned.returned_lines, 0) as returned_lines
from sold
left join returned on returned.customer_id = sold.customer_id
