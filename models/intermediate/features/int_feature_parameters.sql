-- One row per source, as-of date and feature: what its scaling and filling go by.
with

customers as (

    select * from {{ ref('int_customer_features') }}

),

numbers as (

    select
        source,
        as_of_date,
        stack(
            {{ scaled_features() | length }},
            {%- for feature in scaled_features() %}
                '{{ feature }}', double({{ feature }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as (feature, number)
    from customers

),

quartiles as (

    select
        source,
        feature,
        count(*) as customers,
        count(number) as known_customers,
        min(number) as minimum,
        percentile(number, array(0.25, 0.5, 0.75)) as quartiles,
        max(number) as maximum,
        as_of_date
    from numbers
    group by source, feature, as_of_date

),

words as (

    select
        source,
        'favourite_category' as feature,
        mode(favourite_category, true) as most_common,
        count(*) as customers,
        count(favourite_category) as known_customers,
        as_of_date
    from customers
    group by source, as_of_date

),

final as (

    select
        source,
        feature,
        cast(null as string) as most_common,
        customers,
        known_customers,
        minimum,
        quartiles[0] as quartile_1,
        quartiles[1] as median,
        quartiles[2] as quartile_3,
        maximum,
        -- 1.5 times the distance of the quartiles beyond them is Tukey's fence
        2.5 * quartiles[0] - 1.5 * quartiles[2] as fence_low,
        2.5 * quartiles[2] - 1.5 * quartiles[0] as fence_high,
        as_of_date
    from quartiles
    union all
    select
        source,
        feature,
        most_common,
        customers,
        known_customers,
        null as minimum,
        null as quartile_1,
        null as median,
        null as quartile_3,
        null as maximum,
        null as fence_low,
        null as fence_high,
        as_of_date
    from words

)

select * from final
