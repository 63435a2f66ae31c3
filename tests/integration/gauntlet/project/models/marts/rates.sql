select * from {{ source('files', 'rates') }}
