-- Sales by product: first aggregate, then join what is left with its price.
with sold as (
    select product_code, sum(quantity) as quantity
    from {{ ref('stg_sales') }}
    group by product_code
)

select
    sold.product_code,
    products.product_name,
    sold.quantity,
    sold.quantity * products.unit_price_cents / 100 as revenue
from sold
join {{ ref('products') }} as products using (product_code)
