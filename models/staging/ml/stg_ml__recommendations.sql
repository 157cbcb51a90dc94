-- One row per version of model recommendations, customer and rank.
with

recommendations as (

    select * from {{ source('ml', 'recommendations') }}

),

renamed as (

    select
        customer_id,
        product_id,
        source,
        version as model_version,
        reason,
        rank,
        score
    from recommendations

)

select * from renamed
