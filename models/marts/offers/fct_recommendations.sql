-- One row per customer and rank: a product that the customer may want next, and why.
with

champions as (

    select * from {{ ref('stg_ml__champions') }}
    where model_name = 'recommendations'

),

recommendations as (

    select
        offers.*,
        regexp_extract(offers.reason, '^bought with (.+)$', 1) as reason_product_id
    from {{ ref('stg_ml__recommendations') }} as offers
    inner join champions on offers.model_version = champions.model_version

),

products as (

    select * from {{ ref('dim_products') }}

),

final as (

    select
        recommendations.customer_id,
        recommendations.product_id,
        recommendations.source,
        recommendations.model_version,
        {{ product_label('products', 'recommendations.product_id') }} as product_name,
        products.category_level_1,
        if(
            reasons.product_id is null,
            recommendations.reason,
            'bought with ' || {{ product_label('reasons', 'reasons.product_id') }}
        ) as reason,
        recommendations.rank,
        recommendations.score
    from recommendations
    left join products
        on
            recommendations.source = products.source
            and recommendations.product_id = products.product_id
    left join products as reasons
        on
            recommendations.source = reasons.source
            and recommendations.reason_product_id = reasons.product_id

)

select * from final
