-- One row per source, metric and day, quiet days included: what is watched.
with

days as (

    select * from {{ ref('int_sources_counted_daily') }}

),

-- Counts vary by chance alone, money by more than that, shares within their bounds.
metrics as (

    select
        source,
        activity_date,
        stack(
            9,
            'business', 'orders', 'count', double(orders),
            'business', 'revenue', 'money', double(revenue),
            'business', 'sessions', 'count', double(sessions),
            'business', 'conversion_rate', 'share',
            {{ safe_divide('conversions', 'sessions') }},
            'data', 'events', 'count', double(events),
            'data', 'rejected_share', 'fault',
            {{ safe_divide('rejections', 'events + rejections') }},
            'data', 'late_share', 'fault',
            {{ safe_divide('late_events', 'fresh_events') }},
            'data', 'no_customer_share', 'fault',
            {{ safe_divide('events_without_customer', 'events') }},
            'data', 'no_price_share', 'fault',
            {{ safe_divide('events_without_price', 'priced_events') }}
        ) as (subject, metric, kind, seen)
    from days

),

-- From the first day on which there is something to measure.
final as (

    select * from metrics
    qualify
        activity_date >= min(
            if(seen > 0 or (seen = 0 and kind = 'fault'), activity_date, null)
        ) over (partition by source, metric)

)

select * from final
