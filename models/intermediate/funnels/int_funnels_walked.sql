-- One row per funnel and person who began it, with how fast they came how far.
{% set past = 'partition by source, person_id, funnel order by occurred_at, event_id' %}
{% set steps = [1, 2, 3, 4, 5, 6] -%}
with

funnels as (

    select
        funnel,
        mode,
        event_type,
        make_dt_interval(0, window_hours) as lasts,
        collect_list(struct(step_number, page_type)) as takers
    from {{ ref('funnels') }}
    group by funnel, mode, event_type, window_hours

),

events as (

    select
        sessions.*,
        funnels.*,
        coalesce('c:' || sessions.customer_id, sessions.actor_id) as person_id,
        events.event_id,
        events.occurred_at,
        array_max(transform(filter(
            funnels.takers,
            taker -> taker.page_type is null or taker.page_type <=> events.page_group
        ), taker -> taker.step_number)) as step_number
    from {{ ref('int_events_sessionized') }} as events
    inner join funnels on events.event_type = funnels.event_type
    inner join {{ ref('fct_sessions') }} as sessions using (source, session_id)
    where not sessions.is_bot and not sessions.has_future_date

),

-- Of each step, when it was taken last; only a strict funnel minds what is no step.
walked_0 as (

    select
        *,
        sort_array(array(
            {% for step in steps %}
                max(if(step_number = {{ step }}, occurred_at, null)) over ({{ past }}),
            {% endfor %}
            null
        ), false) as last_taken_at,
        occurred_at as began_0
    from events
    where mode = 'strict' or step_number is not null

),

-- When the latest attempt began that comes to a step with this very event.
{% for step in steps %}
    walked_{{ step }} as (

        select
            *,
            case
                when mode = 'any' then last_taken_at[{{ step - 1 }}]
                when not step_number <=> {{ step }} then null
                when {{ step }} = 1 then occurred_at
                when mode = 'strict' then lag(began_{{ step - 1 }}) over ({{ past }})
                else max(began_{{ step - 1 }}) over (
                    {{ past }} rows between unbounded preceding and 1 preceding
                )
            end as start_{{ step }},
            if(start_{{ step }} + lasts >= occurred_at, start_{{ step }}, null)
                as began_{{ step }}
        from walked_{{ step - 1 }}

    ),
{% endfor %}

final as (

    select
        source,
        funnel,
        person_id,
        max(customer_id) as customer_id,
        {{ earliest('channel_group', where='began_1 is not null') }} as channel_group,
        {{ earliest('device_type', where='began_1 is not null') }} as device_type,
        array(
            {% for step in steps %}
                {{ earliest('timediff(second, began_' ~ step ~ ', occurred_at)') }},
            {% endfor %}
            null
        ) as step_seconds,
        min(occurred_at) filter (where began_1 is not null) as began_at
    from walked_6
    group by source, funnel, person_id
    having began_at is not null

)

select * from final
