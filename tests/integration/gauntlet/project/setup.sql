-- What two more loaders bring, beside the sales of the example: returned lines, and a file of rates.
create table raw.returns as
select sale_no as return_no, customer_no, loaded_at from raw.sales where sale_no % 50 = 0;
copy (select 'EUR' as currency, 1.0 as rate) to '{dir}/rates.parquet';
