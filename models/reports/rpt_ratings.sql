-- One row per source, month, category and number of stars.
with

reviews as (

    select
        source,
        properties.product_id,
        properties.rating,
        trunc(occurred_at, 'month') as review_month
    from {{ ref('int_events_deduplicated') }}
    where
        event_type = 'review'
        and occurrence = 1
        and not {{ is_future('occurred_at', 'landed_at') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

final as (

    select
        reviews.source,
        coalesce(products.category_level_1, '(unknown)') as category,
        reviews.rating,
        count(*) as reviews,
        count(distinct reviews.product_id) as products,
        count(*) / sum(count(*)) over (
            partition by
                reviews.source,
                reviews.review_month,
                coalesce(products.category_level_1, '(unknown)')
        ) as rating_share,
        reviews.review_month
    from reviews
    left join products
        on reviews.source = products.source and reviews.product_id = products.product_id
    group by
        reviews.source,
        coalesce(products.category_level_1, '(unknown)'),
        reviews.rating,
        reviews.review_month

)

select * from final
