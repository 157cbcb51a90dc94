-- One row per order that was cancelled, or that a newer revision tells anew.
with

events as (

    select
        source,
        properties.order_id,
        properties.revision,
        properties.order_status = 'cancelled' as says_cancelled,
        size(properties.lines) > 0 as has_lines,
        occurred_at,
        landed_at
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'order_placed'

),

-- The newest revision decides, and without lines it leaves nothing of the order; what
-- comes in parts is cancelled by any of them.
orders as (

    select
        order_id,
        source,
        max(revision) filter (where has_lines) as lines_revision,
        min(revision) < max(revision) as is_revised,
        coalesce(
            max_by(says_cancelled or not has_lines, revision),
            bool_or(says_cancelled)
        ) as is_order_cancelled,
        greatest(
            max(landed_at) filter (where revision is not null),
            max(landed_at) filter (where revision is null and says_cancelled)
        ) as change_landed_at,
        min(occurred_at) filter (where revision is null and says_cancelled)
            as cancelled_at
    from events
    group by order_id, source

),

-- Apart, as Spark sorts all that it collects; most sources have no revisions.
revised as (

    select
        order_id,
        source,
        collect_set(struct(revision, occurred_at)) as revisions
    from events
    where revision is not null
    group by order_id, source

),

changed as (

    select
        orders.order_id,
        orders.source,
        orders.lines_revision,
        revised.revisions,
        orders.is_order_cancelled,
        orders.cancelled_at,
        orders.change_landed_at
    from orders
    left join revised
        on orders.source = revised.source and orders.order_id = revised.order_id
    where orders.is_revised or orders.is_order_cancelled

)

select * from changed
