-- One row per coupon redemption, with the order in which it was where one fits.
with

redemptions as (

    select
        event_id,
        customer_id,
        properties.campaign_id,
        properties.coupon_id,
        source,
        date(occurred_at) as redeemed_date
    from {{ ref('int_events_deduplicated') }}
    where
        event_type = 'coupon_redeemed'
        and occurrence = 1
        and not {{ is_future('occurred_at', 'landed_at') }}

),

coupons as (

    select distinct
        properties.campaign_id,
        properties.coupon_id,
        properties.product_id,
        source,
        true as covers_product
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'coupon_issued'

),

lines as (

    select
        *,
        occurred_date as redeemed_date
    from {{ ref('fct_order_lines') }}
    where is_sale

),

orders as (

    select * from {{ ref('fct_orders') }}

),

-- A redemption names no order: those of the customer on that day may be it.
candidates as (

    select
        redemptions.event_id,
        source,
        lines.order_id,
        bool_or(coalesce(coupons.covers_product, false)) as holds_product,
        min(lines.occurred_at) as ordered_at
    from redemptions
    inner join lines using (source, customer_id, redeemed_date)
    left join coupons using (source, campaign_id, coupon_id, product_id)
    group by redemptions.event_id, source, lines.order_id

),

matched as (

    select
        event_id,
        source,
        min_by(order_id, struct(not holds_product, ordered_at, order_id)) as order_id
    from candidates
    group by event_id, source
    having bool_or(holds_product) or count(*) = 1

),

final as (

    select
        redemptions.event_id,
        redemptions.customer_id,
        redemptions.campaign_id,
        redemptions.coupon_id,
        matched.order_id,
        redemptions.source,
        if(row_number() over same_order = 1, orders.revenue, null) as revenue,
        redemptions.redeemed_date
    from redemptions
    left join matched using (source, event_id)
    left join orders using (source, order_id)
    window same_order as (partition by source, campaign_id, order_id order by event_id)

)

select * from final
