-- One row per batch: what was read from Kafka against what was booked.
with

reads as (

    select
        *,
        lag(last_offset) over (
            partition by kafka_topic, kafka_partition
            order by landed_at
        ) as last_offset_before
    from {{ ref('ledger_reads') }}

),

ledger as (

    select * from {{ ref('ledger') }}

),

read_batches as (

    select
        batch_id,
        sum(read_count) as read_count,
        sum(read_count - offset_count) as missing_count,
        sum(coalesce(abs(first_offset - last_offset_before - 1), 0)) as gap_count,
        landed_at
    from reads
    group by batch_id, landed_at

),

booked_batches as (

    select
        batch_id,
        sum(record_count) as record_count,
        sum(if(reason = 'accepted', record_count, 0)) as accepted_count,
        sum(if(reason = 'duplicate', record_count, 0)) as duplicate_count,
        landed_at
    from ledger
    group by batch_id, landed_at

),

-- The two tables are built one after the other, and landing goes on between them.
finished as (

    select least(
        (select max(landed_at) from read_batches),
        (select max(landed_at) from booked_batches)
    ) as landed_at

),

batches as (

    select
        batch_id,
        coalesce(read_batches.read_count, 0) as read_count,
        coalesce(booked_batches.record_count, 0) as record_count,
        coalesce(booked_batches.accepted_count, 0) as accepted_count,
        coalesce(booked_batches.duplicate_count, 0) as duplicate_count,
        coalesce(read_batches.missing_count, 0) as missing_count,
        coalesce(read_batches.gap_count, 0) as gap_count,
        landed_at
    from read_batches
    full outer join booked_batches using (batch_id, landed_at)

),

final as (

    select
        batches.batch_id,
        batches.read_count,
        batches.record_count,
        batches.accepted_count,
        batches.duplicate_count,
        batches.record_count - batches.accepted_count - batches.duplicate_count
            as rejected_count,
        batches.missing_count,
        batches.gap_count,
        batches.read_count = batches.record_count
        and batches.missing_count = 0
        and batches.gap_count = 0 as is_balanced,
        batches.landed_at
    from batches
    cross join finished
    where batches.landed_at <= finished.landed_at

)

select * from final
