-- One row per source, day, device and channel, once with bots and once without.
with

sessions as (

    select
        *,
        explode(if(is_bot, array(true), array(true, false))) as includes_bots
    from {{ ref('fct_sessions') }}
    where not has_future_date

),

final as (

    select
        source,
        coalesce(device_type, 'unknown') as device_type,
        coalesce(channel_group, 'unknown') as channel_group,
        count(*) as sessions,
        count(distinct actor_id) as visitors,
        count_if(is_bounce) as bounces,
        count_if(is_conversion) as conversions,
        sum(page_depth) as pages,
        sum(event_count) as events,
        round(sum(duration_seconds), 3) as duration_seconds,
        avg(int(is_bounce)) as bounce_rate,
        avg(int(is_conversion)) as conversion_rate,
        avg(page_depth) as mean_depth,
        round(avg(duration_seconds), 3) as mean_duration_seconds,
        percentile(duration_seconds, 0.5) as median_duration_seconds,
        includes_bots,
        started_date
    from sessions
    group by
        source,
        coalesce(device_type, 'unknown'),
        coalesce(channel_group, 'unknown'),
        includes_bots,
        started_date

)

select * from final
