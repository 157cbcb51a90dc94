-- What the ledger books as accepted is what analysts count, flag by flag.
with

booked as (

    select
        source,
        sum(record_count) as event_count,
        sum(late_count) as late_count,
        sum(future_count) as future_count,
        sum(bot_count) as bot_count,
        sum(no_consent_count) as no_consent_count
    from {{ ref('ledger') }}
    where reason = 'accepted'
    group by source

),

finished as (

    select max(landed_at) as landed_at from {{ ref('ledger') }}

),

counted as (

    select
        events.source,
        count(*) as event_count,
        count_if(events.is_late) as late_count,
        count_if(events.has_future_date) as future_count,
        count_if(events.is_bot) as bot_count,
        count_if(events.event_type = 'event_counted') as no_consent_count
    from {{ ref('fct_events') }} as events
    cross join finished
    where events.landed_at <= finished.landed_at
    group by events.source

)

select
    booked.event_count as booked_events,
    counted.event_count as counted_events
from booked
full outer join counted using (source)
where
    not booked.event_count <=> counted.event_count
    or not booked.late_count <=> counted.late_count
    or not booked.future_count <=> counted.future_count
    or not booked.bot_count <=> counted.bot_count
    or not booked.no_consent_count <=> counted.no_consent_count
