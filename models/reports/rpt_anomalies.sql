-- One row per source, metric and day: what the lines with their band draw.
with

metrics as (

    select * from {{ ref('int_metrics_scored') }}

),

final as (

    select
        source,
        subject,
        metric,
        seen,
        expected,
        expected_low,
        expected_high,
        if(is_anomaly, seen, null) as anomaly,
        activity_date
    from metrics

)

select * from final
