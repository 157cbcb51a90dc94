-- One row per source, metric and day on which it was far from what was expected.
with

metrics as (

    select * from {{ ref('int_metrics_scored') }}

),

final as (

    select
        source,
        subject,
        metric,
        if(deviation > 0, 'above', 'below') as direction,
        if(
            abs(deviation) >= 2 * {{ var('anomaly_deviation') }}, 'critical', 'warning'
        ) as severity,
        seen,
        expected,
        expected_low,
        expected_high,
        deviation,
        activity_date
    from metrics
    where is_anomaly

)

select * from final
