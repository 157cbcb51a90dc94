-- One row per customer and as-of date: what their orders said by the end of that date.
with

parts as (

    select * from {{ ref('int_orders_dated') }}

),

refunds as (

    select * from {{ ref('int_refunds_dated') }}

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

orders_known as (

    select
        parts.customer_id,
        parts.source,
        parts.order_id,
        sum(parts.line_count) as line_count,
        sum(parts.quantity) as quantity,
        sum(parts.revenue) as revenue,
        sum(parts.retail_discount) as retail_discount,
        sum(parts.coupon_discount) as coupon_discount,
        min(parts.sold_date) as sold_date,
        as_of_dates.as_of_date
    from parts
    inner join as_of_dates
        on
            parts.source = as_of_dates.source
            and parts.sold_date <= as_of_dates.as_of_date
            and parts.ended_date > as_of_dates.as_of_date
    group by parts.customer_id, parts.source, parts.order_id, as_of_dates.as_of_date

),

-- Refund events and refunded payments tell of the same money.
refunds_known as (

    select
        refunds.source,
        refunds.order_id,
        greatest(
            sum(refunds.refunded_amount) filter (where refunds.event_type = 'refund'),
            sum(refunds.refunded_amount) filter (where refunds.event_type = 'payment')
        ) as refunded_amount,
        as_of_dates.as_of_date
    from refunds
    inner join as_of_dates
        on
            refunds.source = as_of_dates.source
            and refunds.refunded_date <= as_of_dates.as_of_date
    group by refunds.source, refunds.order_id, as_of_dates.as_of_date

),

final as (

    select /*+ broadcast(refunds) */
        orders.customer_id,
        source,
        count(*) as order_count,
        sum(orders.line_count) as line_count,
        sum(orders.quantity) as quantity,
        sum(orders.revenue) as revenue,
        sum(least(coalesce(refunds.refunded_amount, 0), orders.revenue))
            as refunded_amount,
        sum(orders.retail_discount + orders.coupon_discount) as discount,
        sum(orders.revenue + orders.retail_discount) as list_price,
        count_if(weekday(orders.sold_date) >= 5) as weekend_orders,
        count_if(orders.sold_date > as_of_date - 30) as orders_30d,
        count_if(orders.sold_date > as_of_date - 90) as orders_90d,
        sum(if(orders.sold_date > as_of_date - 30, orders.revenue, 0)) as revenue_30d,
        sum(if(orders.sold_date > as_of_date - 90, orders.revenue, 0)) as revenue_90d,
        sum(if(orders.sold_date > as_of_date - 180, orders.revenue, 0)) as revenue_180d,
        array_sort(collect_set(orders.sold_date)) as order_dates,
        as_of_date
    from orders_known as orders
    left join refunds_known as refunds using (source, order_id, as_of_date)
    group by orders.customer_id, source, as_of_date

)

select * from final
