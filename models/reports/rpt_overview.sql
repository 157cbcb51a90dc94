-- One row per source and day, quiet days included: what the Overview board draws.
with

customers as (

    select * from {{ ref('int_customers_counted_daily') }}

),

orders as (

    select * from {{ ref('fct_orders') }}
    where is_sale and not has_future_date

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

calendar as (

    select
        source,
        last_date,
        explode(sequence(first_date, last_date)) as activity_date
    from bounds

),

sales as (

    select
        source,
        count(*) as orders,
        sum(sale_line_count) as order_lines,
        sum(revenue) as revenue,
        sum(net_revenue) as net_revenue,
        ordered_date as activity_date
    from orders
    group by source, ordered_date

),

final as (

    select
        calendar.source,
        coalesce(sum(customers.customers_new) over so_far, 0) as customers_total,
        coalesce(sum(customers.active_change) over so_far, 0) as customers_active,
        coalesce(customers.customers_new, 0) as customers_new,
        coalesce(sales.orders, 0) as orders,
        coalesce(sales.order_lines, 0) as order_lines,
        {{ money('sales.revenue') }} as revenue,
        {{ money('sales.net_revenue') }} as net_revenue,
        cast({{ safe_divide('sales.revenue', 'sales.orders') }} as decimal(28, 4))
            as average_order_value,
        calendar.activity_date = calendar.last_date as is_latest,
        calendar.activity_date
    from calendar
    left join customers using (source, activity_date)
    left join sales using (source, activity_date)
    window so_far as (partition by calendar.source order by calendar.activity_date)

)

select * from final
