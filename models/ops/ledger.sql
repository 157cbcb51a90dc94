-- One row per batch, source and reason: what became of the records.
{% set cursor = last_landed() -%}
with

events as (

    select * from {{ ref('stg_raw__events') }}
    where
        landed_at > {{ cursor }}
        and landed_date >= date({{ cursor }})

),

rejections as (

    select * from {{ ref('stg_raw__rejections') }}
    where
        landed_at > {{ cursor }}
        and landed_date >= date({{ cursor }})

),

first_copies as (

    select * from {{ ref('int_events_deduplicated') }}

),

judged as (

    select
        events.batch_id,
        events.source,
        case
            when first_copies.kafka_offset is null then 'unseen'
            when
                events.kafka_topic = first_copies.kafka_topic
                and events.kafka_partition = first_copies.kafka_partition
                and events.kafka_offset = first_copies.kafka_offset
                then 'accepted'
            else 'duplicate'
        end as reason,
        events.is_late,
        {{ is_future('events.occurred_at', 'events.landed_at') }} as is_future,
        coalesce(events.context.is_bot, false) as is_bot,
        events.event_type = 'event_counted' as is_count,
        events.landed_at
    from events
    left join first_copies
        on
            events.source = first_copies.source
            and events.event_id = first_copies.event_id
    union all
    select
        batch_id,
        coalesce(source, '') as source,
        rejection_kind as reason,
        false as is_late,
        false as is_future,
        false as is_bot,
        false as is_count,
        landed_at
    from rejections

),

counted as (

    select
        batch_id,
        source,
        reason,
        count(*) as record_count,
        count_if(is_late) as late_count,
        count_if(is_future) as future_count,
        count_if(is_bot) as bot_count,
        count_if(is_count) as no_consent_count,
        landed_at
    from judged
    group by batch_id, source, reason, landed_at

),

-- Landing goes on during a build: such batches wait until deduplication has read them.
booked as (

    select * from counted
    qualify
        landed_at < coalesce(
            min(if(reason = 'unseen', landed_at, null)) over (),
            timestamp '9999-12-31'
        )

)

select * from booked
