-- The last count of customers on the board is the number that analysts can list.
with

counted as (

    select
        source,
        customers_total
    from {{ ref('rpt_overview') }}
    where is_latest

),

listed as (

    select
        source,
        count(first_seen_at) as customers_total
    from {{ ref('dim_customers') }}
    group by source
    having count(first_seen_at) > 0

)

select
    counted.customers_total as counted_customers,
    listed.customers_total as listed_customers
from counted
full outer join listed using (source)
where not counted.customers_total <=> listed.customers_total
