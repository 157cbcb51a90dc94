-- Every offset was read once, landed once and is booked once, batch by batch.
select * from {{ ref('ledger_batches') }}
where not is_balanced
