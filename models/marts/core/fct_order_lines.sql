-- One row per order line, odd ones flagged; is_sale says which count as revenue.
{% set cursor = last_landed() -%}
with

refunds as (

    select * from {{ ref('int_order_lines_refunded') }}

),

-- The hint spares a sort of all lines: few orders are refunded.
lines as (

    select /*+ broadcast(refunds) */
        cleaned.*,
        coalesce(refunds.refunded_amount, 0) as refunded_amount,
        greatest(cleaned.change_landed_at, refunds.refund_landed_at)
            as later_change_landed_at
    from {{ ref('int_order_lines_cleaned') }} as cleaned
    left join refunds
        on
            cleaned.source = refunds.source
            and cleaned.order_line_id = refunds.order_line_id

),

-- New, or of an order that was cancelled, refunded or told anew since the last run.
changed as (

    select * from lines
    where
        landed_at > {{ cursor }}
        or later_change_landed_at > {{ cursor }}

),

final as (

    select
        order_line_id,
        event_id,
        order_id,
        customer_id,
        product_id,
        store_id,
        source,
        description,
        country,
        currency,
        order_status,
        quantity,
        unit_price,
        line_total,
        retail_discount,
        coupon_discount,
        coupon_match_discount,
        cast(refunded_amount as decimal(18, 4)) as refunded_amount,
        cast(if(is_sale, line_total - refunded_amount, 0) as decimal(18, 4))
            as net_revenue,
        is_cancelled,
        is_replaced,
        is_anonymous,
        is_exact_duplicate,
        is_product,
        has_zero_quantity,
        has_nonpositive_amount,
        has_extreme_quantity,
        has_future_date,
        is_sale,
        occurred_date,
        occurred_at,
        ended_at,
        landed_at,
        greatest(landed_at, later_change_landed_at) as changed_at
    from changed

)

select * from final
