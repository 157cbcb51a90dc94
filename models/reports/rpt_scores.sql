-- One row per source, model, RFM segment and band: customers and their mean score.
with

scores as (

    select * from {{ ref('fct_customer_scores') }}

),

segments as (

    select * from {{ ref('fct_customer_segments') }}
    where is_latest

),

final as (

    select
        scores.source,
        scores.model_name,
        scores.model_version,
        coalesce(segments.rfm_segment, 'No orders') as rfm_segment,
        scores.band,
        count(*) as customers,
        avg(scores.score) as mean_score,
        cast(coalesce(sum(segments.historical_value), 0) as decimal(28, 4))
            as historical_value,
        scores.as_of_date
    from scores
    left join segments
        on
            scores.source = segments.source
            and scores.customer_id = segments.customer_id
    where scores.score is not null
    group by
        scores.source,
        scores.model_name,
        scores.model_version,
        coalesce(segments.rfm_segment, 'No orders'),
        scores.band,
        scores.as_of_date

)

select * from final
