-- One row per accepted Kafka record; the same event may have landed more than once.
with

records as (

    select * from {{ source('raw', 'events') }}

),

accepted as (

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
        batch_id,
        contract_version,
        coalesce(occurrence, 1) as occurrence,
        context,
        consent,
        properties,
        is_late,
        landed_date,
        occurred_at,
        sent_at,
        received_at,
        landed_at
    from records
    where
        is_accepted
        {% if var('events_until') %}
            and occurred_at < date_add(date '{{ var("events_until") }}', 1)
        {% endif %}

)

select * from accepted
