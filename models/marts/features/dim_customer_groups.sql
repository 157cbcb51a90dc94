-- One row per customer: groups of people to judge models by, never to learn from.
with

profiles as (

    select * from {{ ref('int_customer_profiles_latest') }}

),

orders as (

    select * from {{ ref('fct_orders') }}
    where not is_anonymous

),

countries as (

    select
        customer_id,
        source,
        {{ latest('country', at='ordered_at') }} as country
    from orders
    group by customer_id, source

),

final as (

    select
        customer_id,
        source,
        coalesce(profiles.country, countries.country) as country,
        profiles.gender,
        profiles.age_band,
        profiles.income_band
    from profiles
    full outer join countries using (source, customer_id)

)

select * from final
