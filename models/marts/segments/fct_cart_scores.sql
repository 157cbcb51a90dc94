-- One row per cart that is open at the end of its source, and champion: its SQL answer.
with

carts as (

    select * from {{ ref('fct_cart_features') }}
    where is_latest

),

champions as (

    select * from {{ ref('stg_ml__champions') }}
    where model_name = 'cart_conversion_probability'

),

answers as (

    select
        cart_id,
        person_id,
        source,
        cart_value,
        ml.cart_conversion_probability_explained(
            age_minutes,
            idle_minutes,
            cast(added_count as double),
            cast(removed_count as double),
            cast(checkout_count as double),
            cast(session_count as double),
            cast(cart_value as double),
            cast(earlier_cart_count as double),
            cast(earlier_purchase_count as double)
        ) as answer,
        moment_at
    from carts

),

final as (

    select
        answers.cart_id,
        answers.person_id,
        answers.source,
        champions.model_name,
        answers.answer.version as model_version,
        answers.answer.band,
        answers.answer.reasons,
        answers.cart_value,
        answers.answer.score,
        answers.moment_at
    from answers
    cross join champions

)

select * from final
