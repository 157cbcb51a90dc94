-- One row per customer and as-of date: its RFM scores within its source on that date.
with

customers as (

    select * from {{ ref('fct_customer_features_daily') }}

),

segments as (

    select * from {{ ref('rfm_segments') }}

),

scored as (

    select
        *,
        {{ quintile('recency_days desc', 'source, as_of_date') }} as rfm_recency_score,
        {{ quintile('order_count', 'source, as_of_date') }} as rfm_frequency_score,
        {{ quintile('revenue', 'source, as_of_date') }} as rfm_monetary_score
    from customers

),

final as (

    select
        scored.customer_id,
        scored.source,
        segments.rfm_segment,
        scored.lifecycle_stage,
        scored.behaviour_segment,
        segments.segment_rank,
        scored.rfm_recency_score,
        scored.rfm_frequency_score,
        scored.rfm_monetary_score,
        scored.recency_days,
        scored.order_count,
        scored.revenue,
        scored.historical_value,
        scored.engagement_score,
        scored.as_of_date
    from scored
    left join segments
        on
            scored.rfm_recency_score = segments.recency_score
            -- the mean of frequency and monetary score, halves up
            and (scored.rfm_frequency_score + scored.rfm_monetary_score + 1) div 2
            = segments.value_score

)

select * from final
