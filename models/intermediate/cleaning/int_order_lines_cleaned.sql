-- One row per order line: what is odd about it is flagged, nothing is dropped.
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
        properties.lines,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'order_placed'

),

non_product_codes as (

    select * from {{ ref('non_product_codes') }}

),

-- An order is cancelled as soon as one of its events says so.
cancellations as (

    select
        source,
        order_id,
        min(landed_at) as cancellation_landed_at
    from events
    where order_status = 'cancelled'
    group by source, order_id

),

lines as (

    select
        * except (lines),
        posexplode(lines) as (position, line)
    from events

),

flagged as (

    select
        concat(lines.event_id, '-', lines.position + 1) as order_line_id,
        lines.event_id,
        lines.order_id,
        lines.customer_id,
        lines.line.product_id,
        lines.store_id,
        lines.source,
        lines.line.description,
        lines.country,
        lines.currency,
        lines.order_status,
        lines.line.quantity,
        lines.line.unit_price,
        lines.line.line_total,
        lines.line.retail_discount,
        lines.line.coupon_discount,
        lines.line.coupon_match_discount,
        cancellations.order_id is not null as is_cancelled,
        lines.customer_id is null as is_anonymous,
        lines.occurrence > 1 as is_exact_duplicate,
        non_product_codes.product_code is null as is_product,
        lines.line.quantity = 0 as has_zero_quantity,
        lines.line.line_total <= 0 as has_nonpositive_amount,
        abs(lines.line.quantity) > {{ var('extreme_quantity') }}
            as has_extreme_quantity,
        lines.occurred_at >= date_add(lines.landed_at, 1) as has_future_date,
        not is_cancelled
        and not is_exact_duplicate
        and lines.line.quantity > 0
        and lines.line.line_total > 0 as is_sale,
        date(lines.occurred_at) as occurred_date,
        lines.occurred_at,
        lines.landed_at,
        cancellations.cancellation_landed_at
    from lines
    left join cancellations
        on
            lines.source = cancellations.source
            and lines.order_id = cancellations.order_id
    left join non_product_codes
        on
            lines.source = non_product_codes.source
            and if(
                non_product_codes.is_prefix,
                startswith(lines.line.product_id, non_product_codes.product_code),
                lines.line.product_id = non_product_codes.product_code
            )

)

select * from flagged
