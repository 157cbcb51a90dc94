-- One row per source, as-of date, country and lifecycle stage: customers with an order.
with

features as (

    select * from {{ ref('fct_customer_features_daily') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

dates as (

    select * from {{ ref('int_as_of_dates') }}

),

final as (

    select
        source,
        coalesce(customers.country, '(unknown)') as country,
        features.lifecycle_stage,
        count(*) as customers,
        count_if(features.days_since_activity < {{ var('active_days') }})
            as active_customers,
        count_if(features.tenure_days < {{ var('active_days') }}) as new_customers,
        sum(features.orders_30d) as orders_30d,
        {{ money('sum(features.revenue_30d)') }} as revenue_30d,
        {{ money('sum(features.historical_value)') }} as historical_value,
        round(avg(features.engagement_score), 2) as mean_engagement_score,
        dates.is_latest,
        as_of_date
    from features
    inner join customers using (source, customer_id)
    inner join dates using (source, as_of_date)
    group by
        source,
        coalesce(customers.country, '(unknown)'),
        features.lifecycle_stage,
        dates.is_latest,
        as_of_date

)

select * from final
