-- One row per part of an order that changed after its day: lines sold, money gone back.
with

lines as (

    select * from {{ ref('int_order_lines_dated') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

refunds as (

    select * from {{ ref('int_refunds_dated') }}

),

-- Few orders do, and only of those are the lines summed.
eventful as (

    select
        orders.source,
        orders.order_id
    from lines
    inner join orders
        on lines.source = orders.source and lines.order_id = orders.order_id
    where
        lines.sold_date != orders.ordered_date
        or lines.ended_date < date '9999-12-31'
    union
    select
        source,
        order_id
    from refunds

),

sold as (

    select
        lines.order_id,
        lines.source,
        'sold' as part_type,
        count(*) as line_count,
        sum(lines.quantity) as quantity,
        sum(lines.line_total) as amount,
        sum(lines.retail_discount) as retail_discount,
        sum(lines.coupon_discount) as coupon_discount,
        lines.sold_date as from_date,
        lines.ended_date as to_date
    from lines
    left semi join eventful
        on lines.source = eventful.source and lines.order_id = eventful.order_id
    group by lines.order_id, lines.source, lines.sold_date, lines.ended_date

),

final as (

    select * from sold
    union all
    select
        order_id,
        source,
        event_type as part_type,
        0 as line_count,
        0 as quantity,
        refunded_amount as amount,
        0 as retail_discount,
        0 as coupon_discount,
        refunded_date as from_date,
        date '9999-12-31' as to_date
    from refunds

)

select * from final
