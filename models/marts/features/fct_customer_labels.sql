-- One row per customer and as-of date: what came after that date, for models to learn.
with

customers as (

    select * from {{ ref('int_customer_features') }}

),

order_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}
    where order_count > 0

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

later as (

    select
        customers.source,
        customers.customer_id,
        sum(order_days.order_count) filter (
            where order_days.activity_date <= customers.as_of_date + 7
        ) as orders_7d,
        sum(order_days.order_count) filter (
            where order_days.activity_date <= customers.as_of_date + 30
        ) as orders_30d,
        sum(order_days.order_count) as orders_90d,
        sum(order_days.revenue) as revenue_90d,
        customers.as_of_date
    from customers
    inner join order_days
        on
            customers.source = order_days.source
            and customers.customer_id = order_days.customer_id
            and customers.as_of_date < order_days.activity_date
            and customers.as_of_date + 90 >= order_days.activity_date
    group by customers.source, customers.customer_id, customers.as_of_date

),

-- A horizon beyond the data has no label: silence there is not absence.
final as (

    select
        customer_id,
        source,
        if(bounds.last_date >= as_of_date + 90, coalesce(later.orders_90d, 0), null)
            as order_count_next_90_days,
        if(bounds.last_date >= as_of_date + 90, {{ money('later.revenue_90d') }}, null)
            as revenue_next_90_days,
        if(bounds.last_date >= as_of_date + 7, coalesce(later.orders_7d, 0) > 0, null)
            as has_order_next_7_days,
        if(bounds.last_date >= as_of_date + 30, coalesce(later.orders_30d, 0) > 0, null)
            as has_order_next_30_days,
        if(bounds.last_date >= as_of_date + 90, later.orders_90d is null, null)
            as is_churned_next_90_days,
        as_of_date
    from customers
    inner join bounds using (source)
    left join later using (source, customer_id, as_of_date)

)

select * from final
