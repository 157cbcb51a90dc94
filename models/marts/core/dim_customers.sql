-- One row per customer: anyone who acted under an id of their own, or has a profile.
with

customer_days as (

    select * from {{ ref('int_events_aggregated_to_customer_days') }}

),

profiles as (

    select * from {{ ref('int_customer_profiles_latest') }}

),

orders as (

    select * from {{ ref('fct_orders') }}
    where not is_anonymous

),

segments as (

    select * from {{ ref('fct_customer_segments') }}
    where is_latest

),

activities as (

    select
        customer_id,
        source,
        sum(event_count) as event_count,
        min(first_activity_at) as first_seen_at,
        max(last_activity_at) as last_seen_at
    from customer_days
    group by customer_id, source

),

purchases as (

    select
        customer_id,
        source,
        {{ latest('country', at='ordered_at') }} as country,
        count_if(is_sale) as order_count,
        cast(sum(revenue) as decimal(28, 4)) as revenue,
        {{ money('sum(net_revenue)') }} as net_revenue,
        min(ordered_at) filter (where is_sale) as first_order_at,
        max(ordered_at) filter (where is_sale) as last_order_at
    from orders
    group by customer_id, source

),

final as (

    select
        customer_id,
        source,
        coalesce(profiles.country, purchases.country) as country,
        profiles.gender,
        profiles.age_band,
        profiles.income_band,
        profiles.home_ownership,
        profiles.marital_status,
        profiles.household_size,
        profiles.household_composition,
        profiles.kids_count,
        visits.main_device_type,
        visits.first_channel_group,
        segments.rfm_segment,
        segments.lifecycle_stage,
        segments.value_cluster,
        coalesce(activities.event_count, 0) as event_count,
        coalesce(purchases.order_count, 0) as order_count,
        coalesce(purchases.revenue, 0) as revenue,
        coalesce(purchases.net_revenue, 0) as net_revenue,
        segments.engagement_score,
        coalesce(profiles.is_deleted, false) as is_deleted,
        activities.first_seen_at,
        activities.last_seen_at,
        purchases.first_order_at,
        purchases.last_order_at
    from activities
    full outer join profiles using (source, customer_id)
    full outer join purchases using (source, customer_id)
    left join segments using (source, customer_id)
    left join {{ ref('int_customers_reached') }} as visits using (source, customer_id)

)

select * from final
