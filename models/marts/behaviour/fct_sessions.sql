-- One row per session: what a visitor, human or flagged bot, did without a pause.
{% set cursor = last_landed() -%}
{# A condition, unlike a join, is pushed below the window that judges an actor. -#}
{% set of_touched = 'where (source, actor_id) in (select * from touched)'
    if is_incremental() and not has_new_session_policy() else '' -%}
with

-- Of whom something landed since: one event may change all sessions of theirs.
touched as (

    select
        source,
        actor_id
    from {{ ref('int_sessions_aggregated') }}
    where landed_at > {{ cursor }}
    union
    select
        source,
        'v:' || visitor_id as actor_id
    from {{ ref('int_events_deduplicated') }}
    where
        landed_at > {{ cursor }}
        and visitor_id is not null
        and customer_id is not null

),

sessions as (

    select * from {{ ref('int_sessions_judged') }}
    {{ of_touched }}

),

-- Sessions as they were; one that is no more gets no events, and the merge deletes it.
known as (

    {% if is_incremental() %}
        select
            source,
            session_id
        from {{ this }}
        {{ of_touched }}
    {% else %}
        select
            source,
            session_id
        from sessions
        where false
    {% endif %}

),

final as (

    select
        session_id,
        sessions.actor_id,
        sessions.visitor_id,
        sessions.customer_id,
        sessions.source_session_id,
        source,
        sessions.device_type,
        sessions.country_code,
        sessions.channel_group,
        sessions.campaign_source,
        sessions.campaign_medium,
        sessions.campaign_name,
        sessions.entry_page,
        sessions.exit_page,
        sessions.page_sequence,
        sessions.bot_reasons,
        coalesce(sessions.event_count, 0) as event_count,
        sessions.page_view_count,
        sessions.product_view_count,
        sessions.cart_count,
        sessions.checkout_count,
        sessions.purchase_count,
        sessions.order_count,
        sessions.page_depth,
        sessions.scroll_depth_percent,
        sessions.duration_seconds,
        sessions.is_bounce,
        sessions.is_bot,
        sessions.is_conversion,
        sessions.has_future_date,
        date(sessions.started_at) as started_date,
        sessions.started_at,
        sessions.ended_at,
        sessions.landed_at
    from sessions
    full outer join known using (source, session_id)

)

select * from final
