-- One row per source, metric and day: what was seen, what was to be expected.
with

metrics as (

    select * from {{ ref('int_metrics_daily') }}

),

-- The middle of the same weekday in the eight weeks before.
expectations as (

    select
        *,
        collect_list(seen) over (
            partition by source, metric, dayofweek(activity_date)
            order by activity_date
            rows between 8 preceding and 1 preceding
        ) as weekdays
    from metrics

),

expected as (

    select
        * except (weekdays),
        case
            when size(weekdays) >= 4 then {{ median_of('weekdays') }}
        end as expected
    from expectations

),

-- How far off such expectations were on all days of these weeks.
errors as (

    select
        *,
        collect_list(abs(seen - expected)) over (
            partition by source, metric
            order by activity_date
            rows between 56 preceding and 1 preceding
        ) as errors
    from expected

),

spreads as (

    select
        * except (errors),
        case
            when size(errors) >= 14 then greatest(
                1.4826 * {{ median_of('errors') }},
                case kind
                    when 'count' then greatest(0.05 * expected, sqrt(expected), 1)
                    when 'money' then 0.05 * expected
                    else 0.01
                end
            )
        end as spread
    from errors

),

scored as (

    select
        *,
        {{ safe_divide('seen - expected', 'spread') }} as deviation,
        {{ var('anomaly_deviation') }} * spread as allowed
    from spreads

),

-- Less of a fault than expected is no reason to look.
final as (

    select
        source,
        subject,
        metric,
        kind,
        seen,
        expected,
        deviation,
        case when allowed > 0 then greatest(0, expected - allowed) end as expected_low,
        expected + allowed as expected_high,
        coalesce(
            deviation > {{ var('anomaly_deviation') }}
            or (deviation < -{{ var('anomaly_deviation') }} and kind != 'fault'),
            false
        ) as is_anomaly,
        activity_date
    from scored

)

select * from final
