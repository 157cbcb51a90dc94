-- One row per channel and what comes after it: how often visitors move so.
with

visits as (

    select
        *,
        coalesce('c:' || customer_id, actor_id) as person_id,
        coalesce(channel_group, 'unknown') as channel
    from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date

),

steps as (

    select
        source,
        channel,
        case
            when is_conversion then '(conversion)'
            when
                lead(started_at) over journey
                < started_at + make_dt_interval({{ var('attribution_days') }})
                then lead(channel) over journey
            else '(end)'
        end as to_channel,
        coalesce(
            lag(is_conversion) over journey
            or lag(started_at) over journey
            <= started_at - make_dt_interval({{ var('attribution_days') }}),
            true
        ) as is_start
    from visits
    window
        journey as (partition by source, person_id order by started_at, session_id)

),

moves as (

    select
        source,
        channel as from_channel,
        to_channel
    from steps
    union all
    select
        source,
        '(start)' as from_channel,
        channel as to_channel
    from steps
    where is_start

),

shares as (

    select
        source,
        from_channel,
        to_channel,
        count(*) as move_count,
        count(*) / sum(count(*)) over (partition by source, from_channel) as move_share
    from moves
    group by source, from_channel, to_channel

)

select * from shares
