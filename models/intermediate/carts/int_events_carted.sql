-- One row per event that belongs to a cart of a person, with the number of the cart.
{% set past = 'partition by source, person_id order by occurred_at, event_id' -%}
{% set expired = 'make_dt_interval(' ~ var('cart_expired_days') ~ ')' -%}
with

sessions as (

    select
        *,
        coalesce('c:' || customer_id, actor_id) as person_id
    from {{ ref('fct_sessions') }}
    where not has_future_date

),

events as (

    select * from {{ ref('int_events_sessionized') }}
    where
        event_type in (
            'cart', 'remove_from_cart', 'checkout_start', 'purchase', 'order_placed'
        )

),

steps as (

    select
        events.event_id,
        sessions.person_id,
        sessions.customer_id,
        sessions.actor_id,
        sessions.session_id,
        sessions.source,
        events.event_type,
        sessions.device_type,
        sessions.channel_group,
        events.amount,
        events.event_type in ('purchase', 'order_placed') as is_purchase,
        sessions.is_bot,
        events.occurred_at
    from events
    inner join sessions
        on
            events.source = sessions.source
            and events.session_id = sessions.session_id

),

timed as (

    select
        *,
        occurred_at - lag(occurred_at) over ({{ past }}) as pause
    from steps

),

-- Putting something in opens a cart; buying closes it, and so does a very long pause.
states as (

    select
        *,
        coalesce(pause <= {{ expired }} and last_value(
            case
                when is_purchase then false
                when event_type = 'cart' then true
                when pause > {{ expired }} then false
            end, true
        ) over (
            {{ past }} rows between unbounded preceding and 1 preceding
        ), false) as is_of_open_cart
    from timed

),

final as (

    select
        *,
        count_if(not is_of_open_cart) over ({{ past }}) as cart_number
    from states
    where is_of_open_cart or event_type = 'cart'

)

select * from final
