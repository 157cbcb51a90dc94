-- One row per source: the first and last day of its customers and orders.
with

customer_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

days as (

    select
        source,
        activity_date
    from customer_days
    union all
    select
        source,
        ordered_date as activity_date
    from orders
    where not has_future_date

),

bounds as (

    select
        source,
        min(activity_date) as first_date,
        {% if var('events_until') %}
            date '{{ var("events_until") }}' as last_date
        {% else %}
            max(activity_date) as last_date
        {% endif %}
    from days
    group by source

)

select * from bounds
