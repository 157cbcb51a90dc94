-- One row per customer with a profile: the last known value of each attribute.
with

updates as (

    select
        customer_id,
        source,
        occurred_at,
        properties.*
    from {{ ref('int_events_deduplicated') }}
    where
        event_type = 'customer_updated'
        and customer_id is not null

),

profiles as (

    select
        customer_id,
        source,
        {{ latest('country') }} as country,
        {{ latest('gender') }} as gender,
        {{ latest('age_band') }} as age_band,
        {{ latest('income_band') }} as income_band,
        {{ latest('home_ownership') }} as home_ownership,
        {{ latest('marital_status') }} as marital_status,
        {{ latest('household_size') }} as household_size,
        {{ latest('household_composition') }} as household_composition,
        {{ latest('kids_count') }} as kids_count,
        {{ latest('is_deleted') }} as is_deleted,
        max(occurred_at) as profiled_at
    from updates
    group by customer_id, source

)

select * from profiles
