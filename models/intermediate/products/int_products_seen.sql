-- One row per product on an order line or in a shop event: what these say about it.
with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

events as (

    select
        event_type,
        source,
        occurred_at,
        properties.*
    from {{ ref('int_events_deduplicated') }}
    where event_type in ('product_view', 'cart', 'remove_from_cart', 'purchase')

),

-- Millions of lines and events say few different things: grouped by those first.
said_by_lines as (

    select
        product_id,
        source,
        description as product_name,
        cast(null as string) as category_code,
        cast(null as string) as brand,
        if(is_sale, unit_price, null) as price,
        is_product,
        -- stock corrections carry remarks where sales carry the product's name
        is_sale as is_reliable,
        max(occurred_at) as occurred_at
    from lines
    group by product_id, source, description, unit_price, is_product, is_sale

),

said_by_events as (

    select
        product_id,
        source,
        cast(null as string) as product_name,
        category_code,
        brand,
        nullif(price, 0) as price,
        true as is_product,
        true as is_reliable,
        max(occurred_at) as occurred_at
    from events
    group by product_id, source, category_code, brand, price

),

said as (

    select * from said_by_lines
    union all
    select * from said_by_events

),

products as (

    select
        product_id,
        source,
        {{ latest('product_name', at='is_reliable, occurred_at') }} as product_name,
        {{ latest('category_code') }} as category_code,
        {{ latest('brand') }} as brand,
        {{ latest('price') }} as price,
        bool_and(is_product) as is_product
    from said
    group by product_id, source

)

select * from products
