-- One row per session, measured, with whose it is and what speaks for a bot.
with

sessions as (

    select * except (run_started_at, started_month)
    from {{ ref('int_sessions_aggregated') }}

),

identities as (

    select * from {{ ref('dim_visitor_identities') }}

),

measured as (

    select
        *,
        coalesce(outside_channel, any_channel) as channel_group,
        try_element_at(page_steps, 1).page as entry_page,
        try_element_at(page_steps, -1).page as exit_page,
        transform(
            slice(page_steps, 1, {{ var('session_pages') }}), step -> step.page_group
        ) as page_sequence,
        greatest(page_view_count, product_view_count) as page_depth,
        timestampdiff(microsecond, started_at, ended_at) / 1000000 as duration_seconds,
        duration_seconds > 3600 * {{ var('bot_session_hours') }} as is_long
    from sessions

),

-- One session that betrays a bot speaks for all of the visitor's.
judged as (

    select
        *,
        array_compact(array(
            if(bool_or(is_flagged_bot) over visitor, 'collector', null),
            if(bool_or(is_rapid) over visitor, 'event_rate', null),
            if(bool_or(is_long) over visitor, 'session_length', null)
        )) as bot_reasons
    from measured
    window visitor as (partition by source, actor_id)

),

final as (

    select
        judged.*,
        case
            when judged.first_customer_id = judged.last_customer_id
                then judged.first_customer_id
            when judged.first_customer_id is null then identities.customer_id
        end as customer_id,
        judged.purchase_count > 0 or judged.order_count > 0 as is_conversion,
        judged.page_depth + judged.action_count <= 1 and not is_conversion as is_bounce,
        size(judged.bot_reasons) > 0 as is_bot
    from judged
    left join identities
        on
            judged.source = identities.source
            and judged.visitor_id = identities.visitor_id
            and judged.started_at >= identities.valid_from
            and (
                judged.started_at < identities.valid_to or identities.valid_to is null
            )

)

select * from final
