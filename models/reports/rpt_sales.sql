-- One row per source, month and product rank; the rank after the last is all others.
with

lines as (

    select
        *,
        date(trunc(occurred_date, 'month')) as order_month
    from {{ ref('fct_order_lines') }}
    where is_sale and not has_future_date

),

products as (

    select * from {{ ref('dim_products') }}

),

products_monthly as (

    select
        source,
        order_month,
        product_id,
        is_product,
        sum(line_total) as revenue
    from lines
    group by source, order_month, product_id, is_product

),

-- Postage and the like count among the others, so that the ranks sum to all revenue.
top_products as (

    select
        source,
        order_month,
        product_id,
        row_number() over (
            partition by source, order_month order by revenue desc, product_id asc
        ) as product_rank
    from products_monthly
    where is_product
    qualify product_rank <= {{ var('top_products') }}

),

ranked_lines as (

    select /*+ broadcast(top_products) */
        lines.source,
        lines.order_id,
        lines.quantity,
        lines.line_total,
        coalesce(
            top_products.product_rank, {{ var('top_products') }} + 1
        ) as product_rank,
        lines.order_month
    from lines
    left join top_products using (source, order_month, product_id)

),

ranks as (

    select
        source,
        product_rank,
        count(distinct order_id) as orders,
        round(sum(quantity), 6) as quantity,
        cast(sum(line_total) as decimal(28, 4)) as revenue,
        order_month
    from ranked_lines
    group by source, product_rank, order_month

),

final as (

    select
        product_id,
        source,
        if(product_id is null, 'All others', products.product_name) as product_name,
        products.category_level_1 as category,
        ranks.product_rank,
        ranks.orders,
        ranks.quantity,
        ranks.revenue,
        ranks.order_month
    from ranks
    left join top_products using (source, order_month, product_rank)
    left join products using (source, product_id)

)

select * from final
