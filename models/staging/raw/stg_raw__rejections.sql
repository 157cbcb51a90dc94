-- One row per rejected Kafka record; its payload stays in raw.
with

records as (

    select * from {{ source('raw', 'events') }}

),

rejected as (

    select
        event_id,
        event_type,
        source,
        kafka_topic,
        kafka_partition,
        kafka_offset,
        batch_id,
        rejection_reasons,
        case
            when
                get(rejection_reasons, 0) like 'event: %'
                or get(rejection_reasons, 0) like 'dead letter: %'
                then 'malformed'
            when
                exists(rejection_reasons, r -> r like '%, which the key is for')
                then 'wrong_key'
            when
                exists(rejection_reasons, r -> r like 'event_type: % is not a %')
                then 'unknown_type'
            when
                exists(rejection_reasons, r -> r like 'contract_version: % is not a %')
                then 'unknown_version'
            else 'breaks_contract'
        end as rejection_kind,
        landed_date,
        occurred_at,
        received_at,
        landed_at
    from records
    where not is_accepted

)

select * from rejected
