-- One row per session, summed over its events; whose it is comes later.
with

events as (

    select
        *,
        coalesce(channel_group not in ('internal'), false) as is_from_outside
    from {{ ref('int_events_sessionized') }}

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
        count(*) as event_count,
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
        max(occurred_at) as ended_at,
        max(landed_at) as landed_at
    from events
    group by session_id, actor_id, source

)

select * from sessions
