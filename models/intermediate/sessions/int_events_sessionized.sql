-- One row per event of browsing, with the session in which it lies.
{% set gap = 'make_dt_interval(0, 0, ' ~ var('session_gap_minutes') ~ ')' -%}
{% set actor = 'partition by source, actor_id order by occurred_at, event_id' -%}
{% set event = 'event_id, customer_id, visitor_id, actor_id, source_session_id,
    product_id, order_id, event_type, source, session_role, device_type, country_code,
    channel_group, campaign_source, campaign_medium, campaign_name, campaign, page,
    page_group, click_x, click_y, viewport_width, amount, scroll_depth_percent, is_bot,
    has_future_date, occurred_at, landed_at' -%}
{% set cursor, is_new_policy = last_landed(), has_new_session_policy() -%}
{% set since = touched_since(ref('int_events_behaving'), 'occurred_at', cursor) -%}
with

new_events as (

    select {{ event }} from {{ ref('int_events_behaving') }}
    where landed_at > {{ cursor }}

),

-- Events without a gap between them are a run; new ones change the runs they touch.
events as (

    select * from new_events
    {% if is_incremental() -%}
        union all
        select {{ event }} from {{ this }} as known
        {% if not is_new_policy -%}
            left semi join new_events
                on
                    known.source = new_events.source
                    and known.actor_id = new_events.actor_id
                    and known.run_ended_at >= new_events.occurred_at - {{ gap }}
                    and known.run_started_at <= new_events.occurred_at + {{ gap }}
            where known.run_ended_at >= {{ since }}
        {%- endif %}
    {%- endif %}

),

runs as (

    select
        *,
        coalesce(lag(occurred_at) over past + {{ gap }} < occurred_at, true) as opens,
        date(occurred_at) != date(lag(occurred_at) over past) as is_after_midnight,
        coalesce(
            lag(occurred_at, {{ var('bot_events_per_minute') }}) over past
            > occurred_at - interval 60 seconds, false
        ) as is_rapid
    from events
    window past as ({{ actor }})

),

bounds as (

    select
        *,
        last_value(if(opens, occurred_at, null), true) over past as run_started_at,
        last_value(if(campaign is null, null, struct(occurred_at, campaign)), true)
            over ({{ actor }} rows between unbounded preceding and 1 preceding)
            as campaign_before
    from runs
    window past as ({{ actor }} rows between unbounded preceding and current row)

),

sessions as (

    select
        *,
        last_value(
            if({{ starts_session() }}, struct(occurred_at, event_id), null), true
        )
            over ({{ actor }} rows between unbounded preceding and current row)
            as first_one,
        -- Over all of the run: from each row on would take the square of its rows.
        max(occurred_at) over (partition by source, actor_id, run_started_at)
            as run_ended_at,
        date(date_trunc('month', occurred_at)) as occurred_month,
        md5(concat_ws('\n', source, actor_id, first_one.event_id, timestampdiff(
            hour, first_one.occurred_at, occurred_at
        ) div {{ var('session_max_hours') }})) as session_id
    from bounds

),

final as (

    select cut.* except (opens, is_after_midnight, campaign_before, first_one)
    from sessions as cut
    {% if is_new_policy -%}
        left anti join {{ this }}
            using (source, event_id, session_id, is_rapid, run_started_at, run_ended_at)
    {%- endif %}

)

select * from final
