-- One row per experiment, metric and visitor: the first arm, and what came after it.
with

events as (

    select
        coalesce(visitor_id, customer_id) as unit_id,
        event_type,
        source,
        properties.experiment_id,
        properties.arm,
        occurred_at
    from {{ ref('int_events_deduplicated') }}
    where
        event_type in (
            'experiment_exposure', 'cart', 'checkout_start', 'purchase', 'order_placed'
        )
        and coalesce(visitor_id, customer_id) is not null
        and not coalesce(context.is_bot, false)
        and not {{ is_future('occurred_at', 'landed_at') }}

),

units as (

    select
        experiment_id,
        unit_id,
        source,
        min_by(arm, struct(occurred_at, arm)) as arm,
        min(arm) != max(arm) as has_seen_two_arms,
        min(occurred_at) as exposed_at
    from events
    where event_type = 'experiment_exposure'
    group by experiment_id, unit_id, source

),

-- The last one says whether any came after the exposure.
goals as (

    select
        unit_id,
        source,
        if(event_type = 'order_placed', 'purchase', event_type) as metric,
        max(occurred_at) as last_reached_at
    from events
    where event_type != 'experiment_exposure'
    group by unit_id, source, metric

),

metrics as (

    select distinct
        source,
        metric
    from goals

),

final as (

    select
        units.experiment_id,
        units.unit_id,
        source,
        metric,
        units.arm,
        units.has_seen_two_arms,
        coalesce(goals.last_reached_at >= units.exposed_at, false) as is_converted,
        units.exposed_at
    from units
    inner join metrics using (source)
    left join goals using (source, metric, unit_id)

)

select * from final
