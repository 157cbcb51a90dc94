-- One row per source, month, level and value of it: what categories and brands sell.
with

lines as (

    select
        *,
        trunc(occurred_date, 'month') as order_month,
        {{ price_band('line_total / quantity') }} as price_band
    from {{ ref('fct_order_lines') }}
    where is_sale and is_product and not has_future_date

),

products as (

    select * from {{ ref('dim_products') }}

),

sold as (

    select
        source,
        product_id,
        price_band,
        count(*) as order_lines,
        sum(quantity) as quantity,
        sum(line_total) as revenue,
        sum(net_revenue) as net_revenue,
        order_month
    from lines
    group by source, product_id, price_band, order_month

),

levels as (

    select
        sold.*,
        stack(
            4,
            'category', products.category_level_1, 0,
            'subcategory', products.category_level_2, 0,
            'brand', products.brand, 0,
            'price band', sold.price_band.name, sold.price_band.number
        ) as (level, level_value, sort_order)
    from sold
    left join products
        on sold.source = products.source and sold.product_id = products.product_id

),

valued as (

    select
        source,
        level,
        level_value,
        sort_order,
        count(distinct product_id) as products,
        sum(order_lines) as order_lines,
        round(sum(quantity), 6) as quantity,
        sum(revenue) as revenue,
        sum(net_revenue) as net_revenue,
        order_month
    from levels
    group by source, level, level_value, sort_order, order_month
    having level_value is not null

),

final as (

    select
        source,
        level,
        level_value,
        sort_order,
        products,
        order_lines,
        quantity,
        {{ money('revenue') }} as revenue,
        {{ money('net_revenue') }} as net_revenue,
        double(valued.revenue)
        / double(sum(valued.revenue) over (partition by source, level, order_month))
            as revenue_share,
        order_month
    from valued
    qualify
        row_number() over (
            partition by source, level, order_month
            order by valued.revenue desc, level_value asc
        ) <= {{ var('top_products') }}

)

select * from final
