-- One row per order line: what is odd about it is flagged, nothing is dropped.
with

lines as (

    select * from {{ ref('int_order_lines_exploded') }}

),

changes as (

    select * from {{ ref('int_orders_changed') }}

),

non_product_codes as (

    select * from {{ ref('non_product_codes') }}

),

-- The hint spares a sort of all lines: few orders change.
flagged as (

    select /*+ broadcast(changes) */
        lines.*,
        coalesce(changes.is_order_cancelled, false) as is_cancelled,
        coalesce(lines.revision < changes.lines_revision, false) as is_replaced,
        lines.customer_id is null as is_anonymous,
        lines.occurrence > 1 as is_exact_duplicate,
        non_product_codes.product_code is null as is_product,
        lines.quantity = 0 as has_zero_quantity,
        lines.line_total <= 0 as has_nonpositive_amount,
        abs(lines.quantity) > {{ var('extreme_quantity') }} as has_extreme_quantity,
        {{ is_future('lines.occurred_at', 'lines.landed_at') }} as has_future_date,
        not is_cancelled
        and not is_replaced
        and not is_exact_duplicate
        and lines.quantity > 0
        and lines.line_total > 0 as is_sale,
        date(lines.occurred_at) as occurred_date,
        if(is_cancelled or is_replaced, coalesce(
            least(changes.cancelled_at, array_min(transform(
                filter(changes.revisions, each -> each.revision > lines.revision),
                each -> each.occurred_at
            ))),
            lines.occurred_at
        ), null) as ended_at,
        changes.change_landed_at
    from lines
    left join changes
        on
            lines.source = changes.source
            and lines.order_id = changes.order_id
    left join non_product_codes
        on
            lines.source = non_product_codes.source
            and if(
                non_product_codes.is_prefix,
                startswith(lines.product_id, non_product_codes.product_code),
                lines.product_id = non_product_codes.product_code
            )

)

select * from flagged
