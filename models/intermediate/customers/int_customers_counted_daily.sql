-- One row per source and day on which its count of new or active customers changes.
with

customer_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}

),

neighbours as (

    select
        source,
        activity_date,
        lag(activity_date) over history as previous_date,
        lead(activity_date) over history as next_date
    from customer_days
    window history as (partition by source, customer_id order by activity_date)

),

-- A customer becomes active after a pause, and stops when the window passes without
-- another activity.
starts as (

    select
        source,
        if(previous_date is null, 1, 0) as customers_new,
        1 as active_change,
        activity_date
    from neighbours
    where
        previous_date is null
        or datediff(activity_date, previous_date) >= {{ var('active_days') }}

),

stops as (

    select
        source,
        0 as customers_new,
        -1 as active_change,
        date_add(activity_date, {{ var('active_days') }}) as activity_date
    from neighbours
    where
        next_date is null
        or datediff(next_date, activity_date) >= {{ var('active_days') }}

),

changes as (

    select * from starts
    union all
    select * from stops

),

final as (

    select
        source,
        sum(customers_new) as customers_new,
        sum(active_change) as active_change,
        activity_date
    from changes
    group by source, activity_date

)

select * from final
