-- One row per campaign that was described, sent, or has coupons.
with

events as (

    select
        event_type,
        source,
        customer_id,
        occurrence,
        occurred_at,
        properties.*
    from {{ ref('int_events_deduplicated') }}
    where
        event_type in (
            'campaign_updated', 'campaign_sent', 'coupon_issued', 'coupon_redeemed'
        )

),

redemptions as (

    select * from {{ ref('int_redemptions_matched') }}

),

told as (

    select
        campaign_id,
        source,
        {{ latest('campaign_type') }} as campaign_type,
        count(distinct if(event_type = 'campaign_sent', customer_id, null))
            as customers_reached,
        count_if(event_type = 'coupon_issued') as coupons_issued,
        count_if(event_type = 'coupon_issued' and occurrence > 1)
            as duplicate_coupons_issued,
        count(distinct if(event_type = 'coupon_issued', coupon_id, null)) as coupons,
        count(distinct if(event_type = 'coupon_issued', product_id, null))
            as coupon_products,
        {{ latest('starts_on') }} as start_date,
        {{ latest('ends_on') }} as end_date
    from events
    group by campaign_id, source

),

redeemed as (

    select
        campaign_id,
        source,
        count(*) as redemptions,
        count(distinct customer_id) as customers_redeeming,
        count(order_id) as redemptions_matched,
        count(revenue) as orders,
        cast(sum(revenue) as decimal(28, 4)) as revenue
    from redemptions
    group by campaign_id, source

),

final as (

    select
        campaign_id,
        source,
        told.campaign_type,
        told.customers_reached,
        told.coupons_issued,
        told.duplicate_coupons_issued,
        told.coupons,
        told.coupon_products,
        coalesce(redeemed.redemptions, 0) as redemptions,
        coalesce(redeemed.redemptions_matched, 0) as redemptions_matched,
        coalesce(redeemed.customers_redeeming, 0) as customers_redeeming,
        {{ safe_divide(
            'coalesce(redeemed.customers_redeeming, 0)', 'told.customers_reached'
        ) }} as redemption_rate,
        coalesce(redeemed.orders, 0) as orders,
        coalesce(redeemed.revenue, 0) as revenue,
        told.start_date,
        told.end_date
    from told
    left join redeemed using (source, campaign_id)

)

select * from final
