-- One row per cancelled order, that is one that any of its events says is cancelled.
with

events as (

    select
        source,
        properties.order_id,
        properties.order_status,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'order_placed'

),

cancellations as (

    select
        order_id,
        source,
        min(landed_at) as cancellation_landed_at
    from events
    where order_status = 'cancelled'
    group by order_id, source

)

select * from cancellations
