-- One row per source, minute and event type.
with

minutes as (

    select * from {{ source('live', 'minutes_in_memory') }}

),

exploded as (

    select
        source,
        minute_at,
        explode(event_types) as counted
    from minutes

),

final as (

    select
        source,
        counted.event_type,
        counted.events,
        minute_at
    from exploded

)

select * from final
