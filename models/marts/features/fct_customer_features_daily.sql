-- One row per customer and as-of date: all that models may know on that date.
with

orders as (

    select * from {{ ref('int_orders_aggregated_to_customer') }}

),

final as (

    select
        customer_id,
        source,
        recency_days,
        order_count,
        revenue,
        average_order_value,
        tenure_days,
        days_between_orders,
        orders_30d,
        revenue_30d,
        as_of_date
    from orders

)

select * from final
