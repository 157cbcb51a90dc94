-- One row per cart and moment: what was known of the cart by then, and what came after.
with

events as (

    select * from {{ ref('int_events_carted') }}

),

moments as (

    select * from {{ ref('int_cart_moments') }}

),

-- Other devices are left out: that it is the same person may be known only since.
known as (

    select
        moments.source,
        moments.cart_id,
        count_if(events.event_type = 'cart') as added_count,
        count_if(events.event_type = 'remove_from_cart') as removed_count,
        count_if(events.event_type = 'checkout_start') as checkout_count,
        count(distinct events.session_id) as session_count,
        sum(decode(
            events.event_type, 'cart', events.amount, 'remove_from_cart', -events.amount
        )) as cart_value,
        max(events.occurred_at) as last_event_at,
        moments.moment_at
    from moments
    inner join events
        on
            moments.source = events.source
            and moments.person_id = events.person_id
            and moments.cart_number = events.cart_number
            and moments.actor_id = events.actor_id
            and moments.moment_at >= events.occurred_at
    group by moments.source, moments.cart_id, moments.moment_at

),

final as (

    select
        moments.cart_id,
        moments.person_id,
        moments.source,
        timestampdiff(second, moments.opened_at, moments.moment_at) / 60.0D
            as age_minutes,
        timestampdiff(second, known.last_event_at, moments.moment_at) / 60.0D
            as idle_minutes,
        known.added_count,
        known.removed_count,
        known.checkout_count,
        known.session_count,
        cast(known.cart_value as decimal(28, 4)) as cart_value,
        moments.earlier_cart_count,
        moments.earlier_purchase_count,
        moments.is_latest,
        moments.is_bought_next_day,
        date(moments.moment_at) as moment_date,
        moments.moment_at
    from moments
    inner join known using (source, cart_id, moment_at)

)

select * from final
