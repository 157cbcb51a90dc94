-- One row per conversion and visit of the person in the time before it, or one without.
with

conversions as (

    select * from {{ ref('int_conversions') }}

),

visits as (

    select
        session_id,
        coalesce('c:' || customer_id, actor_id) as person_id,
        source,
        coalesce(channel_group, 'unknown') as channel_group,
        campaign_name,
        started_at
    from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date

),

touches as (

    select
        conversions.conversion_id,
        conversions.customer_id,
        visits.session_id,
        conversions.source,
        coalesce(visits.channel_group, 'direct') as channel_group,
        visits.campaign_name,
        conversions.net_revenue,
        conversions.converted_at,
        visits.started_at as touched_at
    from conversions
    left join visits
        on
            conversions.source = visits.source
            and conversions.person_id = visits.person_id
            and conversions.converted_at >= visits.started_at
            and conversions.converted_at
            < visits.started_at + make_dt_interval({{ var('attribution_days') }})

),

final as (

    select
        conversion_id,
        customer_id,
        session_id,
        source,
        channel_group,
        campaign_name,
        row_number() over (
            partition by source, conversion_id order by touched_at, session_id
        ) as touch_number,
        count(*) over (partition by source, conversion_id) as touch_count,
        count(*) over (partition by source, conversion_id, channel_group)
            as channel_touch_count,
        net_revenue,
        converted_at,
        touched_at
    from touches

)

select * from final
