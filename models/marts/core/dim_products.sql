-- One row per product that was described, sold or seen.
with

updates as (

    select * from {{ ref('int_product_updates_latest') }}

),

seen as (

    select
        *,
        split(category_code, '[.]') as categories
    from {{ ref('int_products_seen') }}

),

final as (

    select
        product_id,
        updates.manufacturer_id,
        source,
        coalesce(updates.product_name, seen.product_name) as product_name,
        coalesce(updates.category_level_1, get(seen.categories, 0)) as category_level_1,
        coalesce(updates.category_level_2, get(seen.categories, 1)) as category_level_2,
        coalesce(updates.category_level_3, get(seen.categories, 2)) as category_level_3,
        coalesce(updates.brand, seen.brand) as brand,
        updates.brand_type,
        updates.package_size,
        coalesce(updates.price, seen.price) as price,
        coalesce(seen.is_product, true) as is_product
    from updates
    full outer join seen using (source, product_id)

)

select * from final
