-- One row per customer and as-of date: its segments, and how it moved since the last.
with

customers as (

    select
        *,
        lag(rfm_segment) over history as previous_rfm_segment,
        lag(segment_rank) over history as previous_rank
    from {{ ref('int_customers_scored_rfm') }}
    window history as (partition by source, customer_id order by as_of_date)

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

champions as (

    select * from {{ ref('stg_ml__champions') }}
    where model_name = 'customer_segment'

),

final as (

    select
        customers.customer_id,
        customers.source,
        customers.rfm_segment,
        customers.previous_rfm_segment,
        case
            when customers.previous_rank is null then 'entered'
            when customers.previous_rank = customers.segment_rank then 'same'
            else if(customers.previous_rank < customers.segment_rank, 'up', 'down')
        end as segment_move,
        customers.lifecycle_stage,
        customers.behaviour_segment,
        -- Of all: to compare what it was asked before costs more than to ask again.
        ml.customer_segment(
            cast(customers.recency_days as double),
            cast(customers.order_count as double),
            cast(customers.revenue as double)
        ) as value_cluster,
        champions.model_version as value_cluster_version,
        customers.rfm_recency_score,
        customers.rfm_frequency_score,
        customers.rfm_monetary_score,
        customers.recency_days,
        customers.order_count,
        customers.revenue,
        customers.historical_value,
        customers.engagement_score,
        customers.as_of_date = bounds.last_date as is_latest,
        customers.as_of_date
    from customers
    inner join bounds on customers.source = bounds.source
    left join champions on true

)

select * from final
