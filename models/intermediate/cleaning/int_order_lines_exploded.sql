-- One row per order line, as the event that brought it says.
with

events as (

    select
        event_id,
        customer_id,
        source,
        occurrence,
        properties.order_id,
        properties.store_id,
        properties.country,
        properties.currency,
        properties.order_status,
        properties.revision,
        properties.lines,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'order_placed'

),

numbered as (

    select
        * except (lines),
        posexplode(lines) as (position, line)
    from events

),

lines as (

    select
        concat(event_id, '-', position + 1) as order_line_id,
        event_id,
        order_id,
        customer_id,
        line.product_id,
        store_id,
        source,
        line.description,
        country,
        currency,
        order_status,
        revision,
        occurrence,
        line.quantity,
        line.unit_price,
        line.line_total,
        line.retail_discount,
        line.coupon_discount,
        line.coupon_match_discount,
        occurred_at,
        landed_at
    from numbered

)

select * from lines
