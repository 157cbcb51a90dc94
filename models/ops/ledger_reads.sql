-- One row per batch and Kafka partition: the offsets from which the batch read.
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

records as (

    select
        batch_id,
        kafka_topic,
        kafka_partition,
        kafka_offset,
        landed_at
    from events
    union all
    select
        batch_id,
        kafka_topic,
        kafka_partition,
        kafka_offset,
        landed_at
    from rejections

),

reads as (

    select
        batch_id,
        kafka_topic,
        kafka_partition,
        min(kafka_offset) as first_offset,
        max(kafka_offset) as last_offset,
        max(kafka_offset) - min(kafka_offset) + 1 as read_count,
        count(distinct kafka_offset) as offset_count,
        landed_at
    from records
    group by batch_id, kafka_topic, kafka_partition, landed_at

)

select * from reads
