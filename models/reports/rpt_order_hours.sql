-- One row per source, month, weekday and hour: when customers order.
with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not has_future_date

),

final as (

    select
        source,
        weekday(ordered_date) + 1 as weekday_number,
        date_format(ordered_date, 'EEEE') as weekday_name,
        hour(ordered_at) as hour_of_day,
        count(*) as orders,
        count(distinct customer_id) as customers,
        {{ money('sum(revenue)') }} as revenue,
        {{ money('sum(net_revenue)') }} as net_revenue,
        trunc(ordered_date, 'month') as order_month
    from orders
    group by
        source,
        weekday(ordered_date),
        date_format(ordered_date, 'EEEE'),
        hour(ordered_at),
        trunc(ordered_date, 'month')

)

select * from final
