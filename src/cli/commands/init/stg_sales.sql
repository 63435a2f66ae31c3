-- One row for each sale, with only the columns that are needed further on.
-- This stands in for a table of yours: declare yours as a source and read it with source().
select
    i as sale_id,
    ['RYE', 'OAT', 'WHEAT'][1 + i % 3] as product_code,
    1 + i % 5 as quantity
from range(1000) as sales(i)
