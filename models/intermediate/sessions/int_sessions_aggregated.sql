-- One row per session, summed over its events; whose it is comes later.
{% set cursor = last_landed() -%}
{% set since = touched_since(ref('int_events_sessionized'), 'run_started_at', cursor) %}
{% set of_touched = 'left semi join touched using (source, actor_id)
    where run_started_at >= ' ~ since
    if is_incremental() and not has_new_session_policy() else '' -%}
with

touched as (

    select distinct
        source,
        actor_id
    from {{ ref('int_events_sessionized') }}
    where landed_at > {{ cursor }}

),

events as (

    select
        events.*,
        coalesce(events.channel_group != 'internal', false) as is_from_outside
    from {{ ref('int_events_sessionized') }} as events
    {{ of_touched }}

),

-- Sessions as they were; one that is no more gets no events, and the merge deletes it.
known as (

    select
        former.source,
        former.session_id
    from {{ this if is_incremental() else 'events' }} as former
    {{ of_touched if is_incremental() else 'where false' }}

),

sessions as (

    select
        session_id,
        actor_id,
        source,
        max(visitor_id) as visitor_id,
        min(customer_id) as first_customer_id,
        max(customer_id) as last_customer_id,
        {{ earliest('source_session_id') }} as source_session_id,
        {{ earliest('device_type') }} as device_type,
        {{ earliest('country_code') }} as country_code,
        {{ earliest('channel_group', where='is_from_outside') }} as outside_channel,
        max(channel_group) as any_channel,
        {{ earliest('campaign_source') }} as campaign_source,
        {{ earliest('campaign_medium') }} as campaign_medium,
        {{ earliest('campaign_name') }} as campaign_name,
        array_sort(collect_list(if(
            page_group is null, null, struct(occurred_at, event_id, page_group, page)
        ))) as page_steps,
        count(*) as all_events,
        count_if(event_type = 'page_view' and session_role = 'view') as page_view_count,
        count_if(event_type = 'product_view') as product_view_count,
        count_if(event_type = 'cart') as cart_count,
        count_if(event_type = 'checkout_start') as checkout_count,
        count_if(event_type = 'purchase') as purchase_count,
        size(collect_set(order_id) filter (
            where event_type in ('purchase', 'order_placed')
        )) as order_count,
        count_if(session_role in ('action', 'order')) as action_count,
        max(scroll_depth_percent) as scroll_depth_percent,
        bool_or(is_bot) as is_flagged_bot,
        bool_or(is_rapid) as is_rapid,
        bool_or(has_future_date) as has_future_date,
        min(occurred_at) as started_at,
        min(run_started_at) as run_started_at,
        max(occurred_at) as ended_at,
        max(landed_at) as landed_at,
        date(date_trunc('month', min(occurred_at))) as started_month
    from events
    group by session_id, actor_id, source

),

final as (

    select
        source,
        session_id,
        sessions.* except (source, session_id, all_events),
        coalesce(sessions.all_events, 0) as event_count
    from sessions
    full outer join known using (source, session_id)

)

select * from final
