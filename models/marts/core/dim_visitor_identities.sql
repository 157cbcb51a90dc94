-- One row per visitor and span of time in which one customer, or nobody sure, used it.
with

-- What names both; a clock that is ahead would date a change wrongly.
links as (

    select
        customer_id,
        visitor_id,
        source,
        occurred_at,
        customer_id is distinct from lag(customer_id) over history as is_change
    from {{ ref('int_events_deduplicated') }}
    where
        customer_id is not null
        and visitor_id is not null
        and not {{ is_future('occurred_at', 'landed_at') }}
    window
        history as (
            partition by source, visitor_id order by occurred_at, customer_id
        )

),

numbered as (

    select
        *,
        count_if(is_change) over (
            partition by source, visitor_id order by occurred_at, customer_id
        ) as turn
    from links

),

turns as (

    select
        customer_id,
        visitor_id,
        source,
        count(*) as linking_event_count,
        min(occurred_at) as first_at,
        max(occurred_at) + interval 1 microsecond as last_until,
        lead(min(occurred_at)) over (partition by source, visitor_id order by turn)
            as next_at,
        turn
    from numbered
    group by customer_id, visitor_id, source, turn

),

-- From the first login back and from the last one on there is nobody else to think of.
certain as (

    select
        visitor_id,
        customer_id,
        source,
        linking_event_count,
        false as is_ambiguous,
        if(turn = 1, timestamp '1900-01-01 00:00:00', first_at) as valid_from,
        if(next_at is null, null, least(last_until, next_at)) as valid_to
    from turns

),

between_two as (

    select
        visitor_id,
        cast(null as string) as customer_id,
        source,
        cast(0 as bigint) as linking_event_count,
        true as is_ambiguous,
        last_until as valid_from,
        next_at as valid_to
    from turns

),

spans as (

    select * from certain
    union all
    select * from between_two
    where valid_to is not null

),

final as (

    select * from spans
    where valid_to is null or valid_from < valid_to

)

select * from final
