-- One row per event, the copy that landed first; later copies of its id stay in raw.
{% set cursor = last_landed() -%}
with

landed as (

    select
        event_id,
        customer_id,
        visitor_id,
        session_id,
        event_type,
        source,
        kafka_topic,
        kafka_partition,
        kafka_offset,
        contract_version,
        occurrence,
        context,
        consent,
        properties,
        is_late,
        landed_date,
        occurred_at,
        sent_at,
        received_at,
        landed_at
    from {{ ref('stg_raw__events') }}
    where
        landed_at > {{ cursor }}
        and landed_date >= date({{ cursor }})

),

repeated as (

    select
        source,
        event_id
    from landed
    group by source, event_id
    having count(*) > 1

),

-- Few ids land twice, and ranking only those spares a sort of all events.
landed_once as (

    select * from landed
    where
        not exists (
            select 1 from repeated
            where
                repeated.source = landed.source
                and repeated.event_id = landed.event_id
        )

),

first_copies as (

    select * from landed
    where
        exists (
            select 1 from repeated
            where
                repeated.source = landed.source
                and repeated.event_id = landed.event_id
        )
    qualify
        row_number() over (
            partition by source, event_id
            order by landed_at, kafka_topic, kafka_partition, kafka_offset
        ) = 1

),

events as (

    select * from landed_once
    union all
    select * from first_copies

)

select * from events
