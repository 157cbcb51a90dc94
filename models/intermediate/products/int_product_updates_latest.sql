-- One row per product with an update of its own: its last known attributes.
with

updates as (

    select
        source,
        occurred_at,
        properties.*
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'product_updated'

),

products as (

    select
        product_id,
        source,
        {{ latest('name') }} as product_name,
        {{ latest('category_level_1') }} as category_level_1,
        {{ latest('category_level_2') }} as category_level_2,
        {{ latest('category_level_3') }} as category_level_3,
        {{ latest('brand') }} as brand,
        {{ latest('brand_type') }} as brand_type,
        {{ latest('manufacturer_id') }} as manufacturer_id,
        {{ latest('package_size') }} as package_size,
        {{ latest('price') }} as price
    from updates
    group by product_id, source

)

select * from products
