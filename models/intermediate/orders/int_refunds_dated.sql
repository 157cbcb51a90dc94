-- One row per order, day and way of telling it: the money that went back.
with

events as (

    select
        source,
        event_type,
        properties.order_id,
        properties.payment_id,
        properties.payment_status,
        properties.amount,
        occurred_at
    from {{ ref('int_events_deduplicated') }}
    where
        event_type in ('payment', 'refund')
        and occurrence = 1

),

refunds as (

    select
        order_id,
        source,
        event_type,
        sum(amount) as refunded_amount,
        date(occurred_at) as refunded_date
    from events
    where event_type = 'refund'
    group by order_id, source, event_type, date(occurred_at)

),

-- A payment is refunded once, however often that is told.
refunded_payments as (

    select
        order_id,
        source,
        event_type,
        max(amount) as amount,
        date(min(occurred_at)) as refunded_date
    from events
    where payment_status = 'refunded'
    group by order_id, source, event_type, payment_id

),

final as (

    select * from refunds
    union all
    select
        order_id,
        source,
        event_type,
        sum(amount) as refunded_amount,
        refunded_date
    from refunded_payments
    group by order_id, source, event_type, refunded_date

)

select * from final
