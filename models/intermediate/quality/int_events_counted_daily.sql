-- One row per source, day of landing and day of the events: how many, lacking what.
{% set cursor = last_landed() -%}
with

-- Whole days of landing are counted anew, so that no row adds to an earlier one.
events as (

    select
        event_type,
        source,
        event_type in ('product_view', 'cart', 'purchase') as has_price,
        properties.price is null as lacks_price,
        customer_id is null as lacks_customer,
        is_late,
        landed_date,
        date(occurred_at) as activity_date,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where
        landed_date >= date({{ cursor }})
        and event_type in (
            select event_types.event_type
            from {{ ref('event_types') }} as event_types
            where event_types.is_activity
        )
        and not {{ is_future('occurred_at', 'landed_at') }}

),

-- A time is believed where it could be one.
rejections as (

    select
        coalesce(source, '') as source,
        landed_date,
        if(
            {{ is_future('occurred_at', 'landed_at') }}, landed_date, date(occurred_at)
        ) as activity_date
    from {{ ref('stg_raw__rejections') }}
    where landed_date >= date({{ cursor }})

),

accepted as (

    select
        source,
        count(*) as events,
        count_if(is_late) as late_events,
        count_if(lacks_customer) as events_without_customer,
        count_if(has_price) as priced_events,
        count_if(has_price and lacks_price) as events_without_price,
        landed_date,
        activity_date,
        max(landed_at) as landed_at
    from events
    group by source, landed_date, activity_date

),

rejected as (

    select
        source,
        count(*) as rejections,
        landed_date,
        coalesce(activity_date, landed_date) as activity_date
    from rejections
    group by source, landed_date, coalesce(activity_date, landed_date)

),

final as (

    select
        source,
        coalesce(accepted.events, 0) as events,
        coalesce(rejected.rejections, 0) as rejections,
        coalesce(accepted.late_events, 0) as late_events,
        coalesce(accepted.events_without_customer, 0) as events_without_customer,
        coalesce(accepted.priced_events, 0) as priced_events,
        coalesce(accepted.events_without_price, 0) as events_without_price,
        landed_date,
        activity_date,
        accepted.landed_at
    from accepted
    full outer join rejected using (source, landed_date, activity_date)

)

select * from final
