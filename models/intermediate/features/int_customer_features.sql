-- One row per customer and as-of date: features as they are, nothing filled or cut.
with

orders as (

    select
        *,
        transform(
            slice(order_dates, 2, size(order_dates)),
            (later, place) -> datediff(later, order_dates[place])
        ) as gaps
    from {{ ref('int_orders_aggregated_to_customer') }}

),

products as (

    select * from {{ ref('int_products_aggregated_to_customer') }}

),

categories as (

    select * from {{ ref('int_categories_aggregated_to_customer') }}

),

activities as (

    select * from {{ ref('int_activities_aggregated_to_customer') }}

),

sessions as (

    select * from {{ ref('int_sessions_aggregated_to_customer') }}

),

final as (

    select
        customer_id,
        source,
        categories.favourite_category,
        sessions.behaviour_segment,
        datediff(as_of_date, element_at(orders.order_dates, -1)) as recency_days,
        datediff(as_of_date, orders.order_dates[0]) as tenure_days,
        orders.order_count,
        size(orders.order_dates) as order_day_count,
        {{ money('orders.revenue') }} as revenue,
        {{ money('orders.refunded_amount') }} as refunded_amount,
        {{ money('orders.revenue - orders.refunded_amount') }} as historical_value,
        {{ money('orders.revenue / orders.order_count') }} as average_order_value,
        {{ safe_divide('tenure_days - recency_days', 'orders.order_count - 1') }}
            as days_between_orders,
        {{ median_of('orders.gaps') }} as median_gap_days,
        get(orders.gaps, size(orders.gaps) - 1) as last_gap_days,
        orders.orders_30d,
        {{ money('orders.revenue_30d') }} as revenue_30d,
        orders.orders_90d,
        {{ money('orders.revenue_90d') }} as revenue_90d,
        {{ safe_divide(
            'double(2 * orders.revenue_90d - orders.revenue_180d)',
            'double(orders.revenue_180d)'
        ) }} as revenue_trend,
        orders.line_count / orders.order_count as lines_per_order,
        round(orders.quantity / orders.order_count, 6) as units_per_order,
        coalesce(products.product_count, 0) as product_count,
        coalesce(categories.category_count, 0) as category_count,
        categories.favourite_category_share,
        double(orders.refunded_amount) / double(orders.revenue) as refund_share,
        double(orders.discount) / double(orders.list_price) as discount_share,
        orders.weekend_orders / orders.order_count as weekend_share,
        datediff(as_of_date, activities.last_activity_date) as days_since_activity,
        activities.active_days_90d,
        coalesce(sessions.session_count, 0) as session_count,
        coalesce(sessions.product_view_count, 0) as product_view_count,
        coalesce(sessions.cart_count, 0) as cart_count,
        coalesce(sessions.bounce_share, 0) as bounce_share,
        coalesce(sessions.conversion_share, 0) as conversion_share,
        coalesce(sessions.mean_depth, 0) as mean_depth,
        sessions.days_since_last_session,
        -- each part nears its share as activity grows, and halves as it ages
        round(
            40 * pow(0.5, days_since_activity / 30)
            + 30 * (1 - pow(0.5, activities.active_days_90d / 6))
            + 30 * (1 - pow(0.5, orders.orders_90d / 3)),
            2
        ) as engagement_score,
        as_of_date
    from orders
    left join products using (source, customer_id, as_of_date)
    left join categories using (source, customer_id, as_of_date)
    left join activities using (source, customer_id, as_of_date)
    left join sessions using (source, customer_id, as_of_date)

)

select * from final
