-- One row per event of browsing, by a visitor or customer: sessions are cut from it.
with

events as (

    select
        *,
        -- Without scheme, host and parameters; what follows # may be a page of its own.
        regexp_replace(context.page_url, '^[a-z]+://[^/?#]*|[?][^#]*', '') as page_path,
        coalesce(properties.page_type, '') as page_type
    from {{ ref('int_events_deduplicated') }}
    where
        coalesce(visitor_id, customer_id) is not null
        -- All browsing is in these topics: files of nothing but orders are not opened.
        and (
            visitor_id is not null
            or kafka_topic in ('clickstream', 'commerce', 'social')
        )

),

roles as (

    select * from {{ ref('event_types') }}
    where session_role is not null

),

final as (

    select
        events.event_id,
        events.customer_id,
        events.visitor_id,
        -- A visitor and a customer may have the same id and be two.
        coalesce('v:' || events.visitor_id, 'c:' || events.customer_id) as actor_id,
        events.session_id as source_session_id,
        events.properties.product_id,
        events.properties.order_id,
        events.event_type,
        events.source,
        if(events.page_type = 'asset', 'passive', roles.session_role) as session_role,
        events.context.device_type,
        events.context.country_code,
        events.context.channel_group,
        events.context.campaign_source,
        events.context.campaign_medium,
        events.context.campaign_name,
        nullif(concat_ws(
            '/', events.context.campaign_source, events.context.campaign_medium,
            events.context.campaign_name
        ), '') as campaign,
        if(events.page_path = '', '/', events.page_path) as page,
        case
            when session_role = 'view' and events.event_type = 'page_view'
                then coalesce(
                    nullif(nullif(events.page_type, 'page'), ''), page, 'page_view'
                )
            when session_role in ('view', 'action') and events.page_path is null
                then events.event_type
        end as page_group,
        events.properties.x as click_x,
        events.properties.y as click_y,
        events.context.viewport_width,
        cast(
            events.properties.price * coalesce(events.properties.quantity, 1)
            as decimal(28, 4)
        ) as amount,
        events.properties.depth_percent as scroll_depth_percent,
        coalesce(events.context.is_bot, false) as is_bot,
        {{ is_future('events.occurred_at', 'events.landed_at') }} as has_future_date,
        events.occurred_at,
        events.landed_at
    from events
    inner join roles on events.event_type = roles.event_type
    where
        events.occurrence = 1
        and (events.visitor_id is not null or roles.session_role != 'order')

)

select * from final
