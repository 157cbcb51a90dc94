-- One row per source, as-of date, country, device, channel and lifecycle stage.
with

features as (

    select * from {{ ref('fct_customer_features_daily') }}

),

customers as (

    select
        source,
        customer_id,
        coalesce(country, '(unknown)') as country,
        coalesce(main_device_type, '(unknown)') as main_device_type,
        coalesce(first_channel_group, '(unknown)') as first_channel_group
    from {{ ref('dim_customers') }}

),

dates as (

    select * from {{ ref('int_as_of_dates') }}

),

final as (

    select
        source,
        customers.country,
        customers.main_device_type,
        customers.first_channel_group,
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
        customers.country,
        customers.main_device_type,
        customers.first_channel_group,
        features.lifecycle_stage,
        dates.is_latest,
        as_of_date

)

select * from final
