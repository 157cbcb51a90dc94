-- One row per source, as-of date and cell of the RFM grid: who is in it.
with

customers as (

    select
        *,
        (rfm_frequency_score + rfm_monetary_score + 1) div 2 as rfm_value_score
    from {{ ref('fct_customer_segments') }}

),

final as (

    select
        source,
        rfm_segment,
        rfm_recency_score,
        rfm_value_score,
        count(*) as customers,
        {{ money('sum(revenue)') }} as revenue,
        {{ money('sum(historical_value)') }} as historical_value,
        avg(recency_days) as mean_recency_days,
        avg(order_count) as mean_order_count,
        {{ money('avg(revenue)') }} as mean_revenue,
        round(avg(engagement_score), 2) as mean_engagement_score,
        is_latest,
        as_of_date
    from customers
    group by
        source, rfm_segment, rfm_recency_score, rfm_value_score, is_latest, as_of_date

)

select * from final
