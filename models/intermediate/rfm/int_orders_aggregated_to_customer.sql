-- One row per customer and as-of date: what their orders said by the end of that date.
with

customer_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}
    where order_count > 0

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

-- Each month end within the data of a source, and its last day.
as_of_dates as (

    select
        source,
        explode(array_distinct(concat(
            filter(
                transform(
                    sequence(trunc(first_date, 'month'), last_date, interval 1 month),
                    month_start -> last_day(month_start)
                ),
                month_end -> month_end < last_date
            ),
            array(last_date)
        ))) as as_of_date
    from bounds

),

known_days as (

    select
        customer_days.*,
        as_of_dates.as_of_date,
        customer_days.activity_date
        > date_sub(as_of_dates.as_of_date, 30) as is_within_30d
    from customer_days
    inner join as_of_dates
        on
            customer_days.source = as_of_dates.source
            and customer_days.activity_date <= as_of_dates.as_of_date

),

customers as (

    select
        customer_id,
        source,
        datediff(as_of_date, max(activity_date)) as recency_days,
        sum(order_count) as order_count,
        sum(revenue) as revenue,
        datediff(as_of_date, min(activity_date)) as tenure_days,
        datediff(max(activity_date), min(activity_date)) as active_span_days,
        sum(if(is_within_30d, order_count, 0)) as orders_30d,
        sum(if(is_within_30d, revenue, 0)) as revenue_30d,
        as_of_date
    from known_days
    group by customer_id, source, as_of_date

),

final as (

    select
        customer_id,
        source,
        recency_days,
        order_count,
        cast(revenue as decimal(28, 4)) as revenue,
        cast({{ safe_divide('revenue', 'order_count') }} as decimal(28, 4))
            as average_order_value,
        tenure_days,
        {{ safe_divide('active_span_days', 'order_count - 1') }} as days_between_orders,
        orders_30d,
        cast(revenue_30d as decimal(28, 4)) as revenue_30d,
        as_of_date
    from customers

)

select * from final
