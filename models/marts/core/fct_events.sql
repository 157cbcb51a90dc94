-- One row per event that was accepted, once, of a human or a flagged bot.
with

events as (

    select * from {{ ref('int_events_deduplicated') }}

),

final as (

    select
        event_id,
        customer_id,
        visitor_id,
        session_id,
        properties.product_id,
        properties.order_id,
        event_type,
        source,
        context.device_type,
        context.country_code,
        context.channel_group,
        context.campaign_source,
        context.campaign_medium,
        context.campaign_name,
        context.page_url,
        context.referrer_url,
        contract_version,
        occurrence,
        context.bot_score,
        coalesce(context.is_bot, false) as is_bot,
        consent.analytics as has_analytics_consent,
        consent.marketing as has_marketing_consent,
        is_late,
        occurrence > 1 as is_exact_duplicate,
        {{ is_future('occurred_at', 'landed_at') }} as has_future_date,
        date(occurred_at) as occurred_date,
        occurred_at,
        sent_at,
        received_at,
        landed_at
    from events

)

select * from final
