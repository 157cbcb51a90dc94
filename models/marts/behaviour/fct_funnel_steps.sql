-- One row per source, funnel, step and value of a dimension: who came so far, how fast.
with

people as (

    select * from {{ ref('int_funnels_walked') }}

),

segments as (

    select * from {{ ref('int_sessions_aggregated_to_customer') }}
    where is_latest

),

dimensions as (

    select
        people.source,
        people.funnel,
        explode(map(
            'all', 'all',
            'channel_group', coalesce(people.channel_group, 'unknown'),
            'device_type', coalesce(people.device_type, 'unknown'),
            'behaviour_segment', coalesce(segments.behaviour_segment, 'unknown'),
            'month', date_format(people.began_at, 'yyyy-MM')
        )) as (dimension, dimension_value),
        people.step_seconds
    from people
    left join segments
        on
            people.source = segments.source
            and people.customer_id = segments.customer_id

),

taken as (

    select
        source,
        funnel,
        dimension,
        dimension_value,
        posexplode(step_seconds) as (step_index, seconds)
    from dimensions

),

counted as (

    select
        source,
        funnel,
        dimension,
        dimension_value,
        step_index + 1 as step_number,
        count(seconds) as reached_count,
        percentile(seconds, 0.5) as median_seconds
    from taken
    group by source, funnel, dimension, dimension_value, step_index + 1

),

final as (

    select
        counted.source,
        counted.funnel,
        counted.dimension,
        counted.dimension_value,
        funnels.step_name,
        funnels.mode,
        counted.step_number,
        counted.reached_count,
        {{ safe_divide(
            'counted.reached_count', 'lag(counted.reached_count) over steps'
        ) }} as conversion_from_previous,
        {{ safe_divide(
            'counted.reached_count', 'first_value(counted.reached_count) over steps'
        ) }} as conversion_from_first,
        counted.median_seconds
    from counted
    inner join {{ ref('funnels') }} as funnels
        on
            counted.funnel = funnels.funnel
            and counted.step_number = funnels.step_number
    window
        steps as (
            partition by
                counted.source, counted.funnel,
                counted.dimension, counted.dimension_value
            order by counted.step_number
        )

)

select * from final
