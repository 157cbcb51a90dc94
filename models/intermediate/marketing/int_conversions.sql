-- One row per conversion: an order, or what a visit bought where there are no orders.
with

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not has_future_date

),

visits as (

    select
        session_id,
        customer_id,
        coalesce('c:' || customer_id, actor_id) as person_id,
        source
    from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date

),

buying_events as (

    select * from {{ ref('int_events_sessionized') }}
    where event_type in ('purchase', 'order_placed')

),

amounts as (

    select
        event_id,
        source,
        cast(
            properties.price * greatest(coalesce(properties.quantity, 1), 0)
            as decimal(18, 4)
        ) as amount
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'purchase'

),

order_visits as (

    select
        buying_events.order_id,
        source,
        min_by(
            visits.person_id, struct(buying_events.occurred_at, visits.person_id)
        ) as person_id
    from buying_events
    inner join visits using (source, session_id)
    where buying_events.order_id is not null
    group by buying_events.order_id, source

),

-- Without a visit in the whole source orders could be credited to nothing.
ordered as (

    select
        orders.order_id as conversion_id,
        orders.customer_id,
        coalesce('c:' || orders.customer_id, order_visits.person_id) as person_id,
        orders.source,
        orders.net_revenue,
        orders.ordered_at as converted_at
    from orders
    left semi join visits on orders.source = visits.source
    left join order_visits using (source, order_id)

),

bought as (

    select
        coalesce(buying_events.order_id, session_id) as conversion_id,
        min(visits.customer_id) as customer_id,
        min(visits.person_id) as person_id,
        source,
        cast(coalesce(sum(amounts.amount), 0) as decimal(28, 4)) as net_revenue,
        min(buying_events.occurred_at) as converted_at
    from buying_events
    left anti join orders on buying_events.source = orders.source
    inner join visits using (source, session_id)
    inner join amounts using (source, event_id)
    group by source, coalesce(buying_events.order_id, session_id)

),

final as (

    select * from ordered
    union all
    select * from bought

)

select * from final
