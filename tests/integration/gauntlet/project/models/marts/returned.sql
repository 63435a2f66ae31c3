{{ config(aligned_with=['raw.sales', 'shop.returns'], within='6 hours') }}
-- Sales beside returns: wrong if one of the two was loaded long before the other.
select
    sales.customer_id,
    count(distinct sales.sale_id) as sales_lines,
    count(distinct returned.return_no) as returned_lines
from {{ ref('stg_sales') }} as sales
left join {{ source('shop', 'returns') }} as returned
    on returned.return_no = sales.sale_id
group by all
