-- One row per source, minute and product, of the busiest in the minute.
with

minutes as (

    select * from {{ source('live', 'minutes_in_memory') }}

),

exploded as (

    select
        source,
        minute_at,
        explode(products) as product
    from minutes

),

final as (

    select
        product.product_id,
        source,
        product.views,
        product.carts,
        product.order_lines,
        product.revenue,
        minute_at
    from exploded

)

select * from final
