-- The only place that reads the raw table. It pulls the least that the pipeline needs: six of nine
-- columns, completed lines, one year. It gives our names and types and does nothing else, so that
-- a change in the loader's table is repaired here and nowhere downstream.

select
    sale_no as sale_id,
    cast(substr(customer_no, 2) as integer) as customer_id,
    item as product_code,
    sold_at,
    cast(qty as integer) as quantity,
    loaded_at
from {{ source('raw', 'sales') }}
where
    status = 'completed'
    -- A range on the column itself lets the engine skip blocks; `year(sold_at) = ...` would not.
    and sold_at >= timestamp '{{ var("reporting_year") }}-01-01'
    and sold_at < timestamp '{{ var("reporting_year") + 1 }}-01-01'
