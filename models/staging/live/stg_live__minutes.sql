-- One row per source and minute of the kept history.
with

minutes as (

    select * from {{ source('live', 'minutes_in_memory') }}

),

measures as (

    select
        source,
        events,
        events_repeated,
        events_of_bots,
        visitors,
        visitors_last_seen,
        sessions,
        sessions_last_seen,
        orders,
        orders_cancelled,
        revenue,
        records_landed,
        records_rejected,
        events_late,
        events_too_old,
        events_ahead,
        minute_at,
        landed_at
    from minutes

)

select * from measures
