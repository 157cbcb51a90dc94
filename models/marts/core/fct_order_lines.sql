-- One row per order line, odd ones flagged; is_sale says which count as revenue.
{% set cursor = last_landed() -%}
with

lines as (

    select * from {{ ref('int_order_lines_cleaned') }}

),

new_lines as (

    select * from lines
    where landed_at > {{ cursor }}

),

-- Built by an earlier run, and their order was cancelled or told anew since.
newly_changed_lines as (

    select * from lines
    where
        landed_at <= {{ cursor }}
        and change_landed_at > {{ cursor }}

),

changed as (

    select * from new_lines
    union all
    select * from newly_changed_lines

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
        landed_at,
        greatest(landed_at, change_landed_at) as changed_at
    from changed

)

select * from final
