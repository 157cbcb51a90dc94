-- One row per customer and as-of date: on how many days they did something by then.
with

customer_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

final as (

    select
        customer_days.customer_id,
        customer_days.source,
        count_if(
            customer_days.activity_date > as_of_dates.as_of_date - 90
        ) as active_days_90d,
        max(customer_days.activity_date) as last_activity_date,
        as_of_dates.as_of_date
    from customer_days
    inner join as_of_dates
        on
            customer_days.source = as_of_dates.source
            and customer_days.activity_date <= as_of_dates.as_of_date
    group by customer_days.customer_id, customer_days.source, as_of_dates.as_of_date

)

select * from final
