-- One row per sold line of an order with a refund: how much of the money went back.
with

lines as (

    select * from {{ ref('int_order_lines_cleaned') }}
    where is_sale

),

orders as (

    select * from {{ ref('int_orders_settled') }}
    where refunded_amount > 0

),

product_refunds as (

    select
        source,
        properties.order_id,
        properties.product_id,
        sum(properties.amount) as refunded_amount
    from {{ ref('int_events_deduplicated') }}
    where
        event_type = 'refund'
        and properties.product_id is not null
        and occurrence = 1
    group by source, properties.order_id, properties.product_id

),

refunded_lines as (

    select /*+ broadcast(orders), broadcast(product_refunds) */
        lines.source,
        lines.order_id,
        lines.order_line_id,
        lines.product_id,
        lines.line_total,
        orders.refunded_amount as order_refund,
        coalesce(product_refunds.refunded_amount, 0) as product_refund,
        greatest(orders.settlement_landed_at, lines.landed_at, lines.change_landed_at)
            as landed_at
    from lines
    inner join orders
        on lines.source = orders.source and lines.order_id = orders.order_id
    left join product_refunds
        on
            lines.source = product_refunds.source
            and lines.order_id = product_refunds.order_id
            and lines.product_id = product_refunds.product_id

),

-- First what names a product, over its lines; then the rest, over what is left of each.
of_products as (

    select
        *,
        {{ spread(
            'product_refund', 'line_total', 'source, order_id, product_id', 'order_line_id'
        ) }} as product_part
    from refunded_lines

),

left_over as (

    select
        *,
        line_total - product_part as line_rest,
        order_refund
        - sum(product_part) over (partition by source, order_id) as order_rest,
        max(landed_at) over (partition by source, order_id) as refund_landed_at
    from of_products

),

final as (

    select
        order_line_id,
        source,
        product_part + {{ spread(
            'order_rest', 'line_rest', 'source, order_id', 'order_line_id'
        ) }} as refunded_amount,
        refund_landed_at
    from left_over

)

select * from final
