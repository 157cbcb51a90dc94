-- One row per review, mention, ticket or issue report; a ticket as it was told last.
with

events as (

    select
        if(
            event_type = 'ticket', concat('ticket:', properties.ticket_id), event_id
        ) as feedback_id,
        customer_id,
        visitor_id,
        event_type as feedback_kind,
        source,
        properties.*,
        occurrence,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type in ('review', 'mention', 'ticket', 'issue_report')

),

feedback as (

    select
        feedback_id,
        {{ latest('customer_id') }} as customer_id,
        {{ latest('visitor_id') }} as visitor_id,
        {{ latest('product_id') }} as product_id,
        {{ latest('order_id') }} as order_id,
        feedback_kind,
        source,
        {{ latest('platform') }} as platform,
        {{ latest('brand') }} as brand,
        {{ latest('category') }} as category,
        {{ latest('ticket_status') }} as ticket_status,
        {{ latest('language') }} as language,
        {{ latest('title') }} as title,
        {{ latest('text') }} as text,
        {{ latest('rating') }} as rating,
        count(*) as event_count,
        {{ latest('is_recommended') }} as is_recommended,
        {{ latest('is_verified') }} as is_verified,
        min(occurrence) > 1 as is_exact_duplicate,
        min(occurred_at) as created_at,
        max(occurred_at) as updated_at,
        max(landed_at) as landed_at
    from events
    group by source, feedback_kind, feedback_id

)

select * from feedback
