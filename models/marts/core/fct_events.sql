-- One row per event that was accepted, once.
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
        contract_version,
        occurrence,
        is_late,
        occurrence > 1 as is_exact_duplicate,
        occurred_at >= date_add(landed_at, 1) as has_future_date,
        date(occurred_at) as occurred_date,
        occurred_at,
        sent_at,
        received_at,
        landed_at
    from events

)

select * from final
