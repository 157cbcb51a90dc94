-- One row per order of a customer and span of days in which the same was known of it.
{% set sold = "sum(if(parts.part_type = 'sold', parts.amount, 0))" -%}
with

orders as (

    select * from {{ ref('fct_orders') }}
    where not is_anonymous and not has_future_date

),

parts as (

    select * from {{ ref('int_order_parts') }}

),

plain as (

    select
        orders.order_id,
        orders.customer_id,
        orders.source,
        orders.sale_line_count as line_count,
        orders.quantity,
        orders.revenue,
        orders.retail_discount + orders.coupon_discount + orders.coupon_match_discount
            as discount,
        orders.revenue + orders.retail_discount as list_price,
        0 as refunded_amount,
        orders.ordered_date as sold_date,
        orders.ordered_date as from_date,
        date '9999-12-31' as to_date
    from orders
    left anti join parts
        on orders.source = parts.source and orders.order_id = parts.order_id
    where orders.is_sale

),

days as (

    select distinct
        source,
        order_id,
        explode(array(from_date, to_date)) as from_date
    from parts

),

spans as (

    select
        *,
        lead(from_date) over (
            partition by source, order_id order by from_date
        ) as to_date
    from days

),

-- Refund events and refunded payments tell of the same money.
changed as (

    select
        order_id,
        orders.customer_id,
        source,
        sum(parts.line_count) as line_count,
        sum(parts.quantity) as quantity,
        {{ sold }} as revenue,
        sum(parts.retail_discount + parts.coupon_discount) as discount,
        {{ sold }} + sum(parts.retail_discount) as list_price,
        least({{ sold }}, greatest(
            sum(if(parts.part_type = 'refund', parts.amount, 0)),
            sum(if(parts.part_type = 'payment', parts.amount, 0))
        )) as refunded_amount,
        min(if(parts.part_type = 'sold', parts.from_date, null)) as sold_date,
        spans.from_date,
        spans.to_date
    from spans
    inner join orders using (source, order_id)
    inner join parts using (source, order_id)
    where
        spans.from_date >= parts.from_date
        and spans.from_date < parts.to_date
    group by order_id, orders.customer_id, source, spans.from_date, spans.to_date
    having sum(parts.line_count) > 0

),

final as (

    select * from plain
    union all
    select * from changed

)

select * from final
