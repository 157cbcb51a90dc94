-- One row per order of which a payment or a refund is known: where its money stands.
with

events as (

    select
        source,
        event_type,
        properties.order_id,
        properties.payment_id,
        properties.payment_status,
        properties.amount,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where
        event_type in ('payment', 'refund')
        and occurrence = 1

),

-- What is told last of a payment holds; of two at once, what comes later in its life.
payments as (

    select
        source,
        order_id,
        max_by(
            struct(payment_status, amount),
            struct(
                occurred_at,
                find_in_set(
                    payment_status, 'pending,authorized,failed,cancelled,paid,refunded'
                ),
                amount
            )
        ) as latest,
        max(landed_at) as landed_at
    from events
    where event_type = 'payment'
    group by source, order_id, payment_id

),

-- One payment that came through outweighs any number of tries that did not.
paid as (

    select
        source,
        order_id,
        min_by(
            latest.payment_status,
            find_in_set(
                latest.payment_status,
                'paid,refunded,authorized,pending,failed,cancelled'
            )
        ) as payment_status,
        sum(latest.amount) filter (where latest.payment_status = 'refunded')
            as payments_refunded,
        max(landed_at) as payment_landed_at
    from payments
    group by source, order_id

),

refunds as (

    select
        source,
        order_id,
        sum(amount) as refunded_amount,
        max(landed_at) as refund_landed_at
    from events
    where event_type = 'refund'
    group by source, order_id

),

-- A refund and a refunded payment tell of the same money: the larger is what is known.
orders as (

    select
        order_id,
        source,
        paid.payment_status,
        {{ money('greatest(refunds.refunded_amount, paid.payments_refunded)') }}
            as refunded_amount,
        greatest(refunds.refund_landed_at, paid.payment_landed_at)
            as settlement_landed_at
    from paid
    full outer join refunds using (source, order_id)

)

select * from orders
