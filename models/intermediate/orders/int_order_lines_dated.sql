-- One row per order line that counted as a sale, if only for a time.
with

lines as (

    select
        order_line_id,
        order_id,
        customer_id,
        product_id,
        source,
        quantity,
        line_total,
        coalesce(retail_discount, 0) as retail_discount,
        coalesce(coupon_discount, 0) + coalesce(coupon_match_discount, 0)
            as coupon_discount,
        is_product,
        occurred_date as sold_date,
        coalesce(date(ended_at), date '9999-12-31') as ended_date
    from {{ ref('fct_order_lines') }}
    where
        order_status = 'placed'
        and not is_exact_duplicate
        and not has_future_date
        and quantity > 0
        and line_total > 0

),

final as (

    select * from lines
    where ended_date > sold_date

)

select * from final
