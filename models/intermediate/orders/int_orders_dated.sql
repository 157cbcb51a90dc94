-- One row per order of a customer, day on which lines were sold and day they ended.
with

lines as (

    select * from {{ ref('int_order_lines_dated') }}

),

orders as (

    select * from {{ ref('fct_orders') }}
    where not is_anonymous

),

parts as (

    select
        source,
        order_id,
        count(*) as line_count,
        sum(quantity) as quantity,
        sum(line_total) as revenue,
        sum(retail_discount) as retail_discount,
        sum(coupon_discount) as coupon_discount,
        sold_date,
        ended_date
    from lines
    group by source, order_id, sold_date, ended_date

),

final as (

    select
        parts.order_id,
        orders.customer_id,
        parts.source,
        parts.line_count,
        parts.quantity,
        parts.revenue,
        parts.retail_discount,
        parts.coupon_discount,
        parts.sold_date,
        parts.ended_date
    from parts
    inner join orders
        on parts.source = orders.source and parts.order_id = orders.order_id

)

select * from final
