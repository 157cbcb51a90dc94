-- One row per cart of a person, across sessions and devices, with what became of it.
with

events as (

    select
        *,
        is_of_open_cart and pause > {{ cart_abandoned_after() }} as is_return
    from {{ ref('int_events_carted') }}

),

sources as (

    select * from {{ ref('int_sources_browsed') }}

),

carts as (

    select
        source,
        person_id,
        cart_number,
        {{ earliest('event_id') }} as first_event_id,
        {{ earliest('session_id') }} as session_id,
        {{ earliest('device_type') }} as device_type,
        {{ earliest('channel_group') }} as channel_group,
        max(customer_id) as customer_id,
        count(distinct session_id) as session_count,
        count(distinct actor_id) as actor_count,
        count_if(event_type = 'cart') as added_count,
        count_if(event_type = 'remove_from_cart') as removed_count,
        sum(decode(event_type, 'cart', amount, 'remove_from_cart', -amount))
            as cart_value,
        bool_or(is_bot) as is_bot,
        min(occurred_at) as opened_at,
        max(occurred_at) as last_event_at,
        min(occurred_at - pause) filter (where is_return) as first_pause_at,
        min(occurred_at) filter (where is_return) as recovered_at,
        max(occurred_at) filter (where is_purchase) as bought_at
    from events
    group by source, person_id, cart_number

),

judged as (

    select
        carts.*,
        carts.bought_at is null
        and carts.last_event_at + {{ cart_abandoned_after() }} < sources.browsed_until
            as is_left,
        coalesce(carts.first_pause_at, if(is_left, carts.last_event_at, null))
        + {{ cart_abandoned_after() }} as abandoned_at
    from carts
    inner join sources on carts.source = sources.source

),

final as (

    select
        md5(concat_ws('\n', source, person_id, first_event_id)) as cart_id,
        person_id,
        customer_id,
        session_id,
        source,
        case
            when bought_at is not null then 'bought'
            when is_left then 'abandoned'
            when recovered_at is not null then 'recovered'
            else 'open'
        end as cart_state,
        device_type,
        channel_group,
        session_count,
        actor_count,
        added_count,
        removed_count,
        cast(cart_value as decimal(28, 4)) as cart_value,
        removed_count >= added_count as is_empty,
        recovered_at is not null as is_recovered,
        is_bot,
        date(opened_at) as opened_date,
        opened_at,
        last_event_at,
        abandoned_at,
        recovered_at,
        bought_at
    from judged

)

select * from final
