-- One row per customer and as-of date: its RFM segment and its value cluster.
with

customers as (

    select * from {{ ref('int_customers_scored_rfm') }}

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
        customers.as_of_date = bounds.last_date as is_latest,
        customers.as_of_date
    from customers
    inner join bounds on customers.source = bounds.source
    left join champions on true

)

select * from final
