-- One row per customer and day with an activity of theirs or an order.
with

events as (

    select * from {{ ref('fct_events') }}

),

activity_types as (

    select * from {{ ref('event_types') }}
    where is_activity

),

orders as (

    select * from {{ ref('fct_orders') }}

),

activities as (

    select
        events.customer_id,
        events.source,
        count(*) as event_count,
        0 as order_count,
        0 as revenue,
        events.occurred_date as activity_date,
        min(events.occurred_at) as first_activity_at,
        max(events.occurred_at) as last_activity_at
    from events
    inner join activity_types on events.event_type = activity_types.event_type
    where
        events.customer_id is not null
        and not events.has_future_date
    group by events.customer_id, events.source, events.occurred_date

),

sales as (

    select
        customer_id,
        source,
        0 as event_count,
        count(*) as order_count,
        sum(revenue) as revenue,
        ordered_date as activity_date,
        min(ordered_at) as first_activity_at,
        max(ordered_at) as last_activity_at
    from orders
    where
        is_sale
        and not is_anonymous
        and not has_future_date
    group by customer_id, source, ordered_date

),

unioned as (

    select * from activities
    union all
    select * from sales

),

customer_days as (

    select
        customer_id,
        source,
        sum(event_count) as event_count,
        sum(order_count) as order_count,
        cast(sum(revenue) as decimal(28, 4)) as revenue,
        activity_date,
        min(first_activity_at) as first_activity_at,
        max(last_activity_at) as last_activity_at
    from unioned
    group by customer_id, source, activity_date

)

select * from customer_days
