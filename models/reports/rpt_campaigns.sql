-- One row per campaign and day with a redemption: the days, and all up to then.
with

redemptions as (

    select * from {{ ref('int_redemptions_matched') }}

),

campaigns as (

    select * from {{ ref('fct_campaigns') }}

),

days as (

    select
        campaign_id,
        source,
        count(*) as redemptions,
        count(order_id) as redemptions_matched,
        count(revenue) as orders,
        coalesce(sum(revenue), 0) as revenue,
        redeemed_date
    from redemptions
    group by campaign_id, source, redeemed_date

),

final as (

    select
        days.campaign_id,
        days.source,
        campaigns.campaign_type,
        days.redemptions,
        days.redemptions_matched,
        days.orders,
        cast(days.revenue as decimal(28, 4)) as revenue,
        sum(days.redemptions) over so_far as redemptions_so_far,
        cast(sum(days.revenue) over so_far as decimal(28, 4)) as revenue_so_far,
        datediff(days.redeemed_date, campaigns.start_date) as campaign_day,
        days.redeemed_date
    from days
    inner join campaigns using (source, campaign_id)
    window
        so_far as (
            partition by days.source, days.campaign_id order by days.redeemed_date
        )

)

select * from final
