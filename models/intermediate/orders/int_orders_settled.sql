-- One row per order of which a payment or a refund is known: where its money stands.
with

events as (

    select
        source,
        properties.order_id,
        properties.payment_id,
        properties.payment_status,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type in ('payment', 'refund')

),

refunds as (

    select * from {{ ref('int_refunds_dated') }}

),

-- What is told last of a payment holds; of two at once, what comes later in its life.
payments as (

    select
        source,
        order_id,
        max_by(payment_status, struct(occurred_at, find_in_set(
            payment_status, 'pending,authorized,failed,cancelled,paid,refunded'
        ))) filter (where payment_status is not null) as payment_status,
        max(landed_at) as landed_at
    from events
    group by source, order_id, payment_id

),

-- One payment that came through outweighs any number of tries that did not.
orders as (

    select
        source,
        order_id,
        min_by(payment_status, find_in_set(
            payment_status, 'paid,refunded,authorized,pending,failed,cancelled'
        )) as payment_status,
        max(landed_at) as settlement_landed_at
    from payments
    group by source, order_id

),

-- A refund and a refunded payment tell of the same money: the larger is what is known.
refunded as (

    select
        source,
        order_id,
        greatest(
            sum(refunded_amount) filter (where event_type = 'refund'),
            sum(refunded_amount) filter (where event_type = 'payment')
        ) as refunded_amount
    from refunds
    group by source, order_id

),

final as (

    select
        orders.order_id,
        orders.source,
        orders.payment_status,
        {{ money('refunded.refunded_amount') }} as refunded_amount,
        orders.settlement_landed_at
    from orders
    left join refunded
        on orders.source = refunded.source and orders.order_id = refunded.order_id

)

select * from final
