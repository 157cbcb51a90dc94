-- One row per customer and as-of date: all that models may know on that date.
with

customers as (

    select * from {{ ref('int_customer_features') }}

),

parameters as (

    select
        source,
        map_from_entries(collect_list(struct(feature, struct(*)))) as by_feature,
        as_of_date
    from {{ ref('int_feature_parameters') }}
    group by source, as_of_date

),

-- Three gaps of their own make a rhythm; with fewer, that of the source is fairer.
paced as (

    select /*+ broadcast(parameters) */
        customers.*,
        parameters.by_feature,
        greatest({{ var('shortest_rhythm_days') }}, coalesce(
            if(customers.order_day_count > 3, customers.median_gap_days, null),
            parameters.by_feature['median_gap_days'].median,
            {{ var('active_days') }}
        )) as rhythm_days
    from customers
    inner join parameters
        on
            customers.source = parameters.source
            and customers.as_of_date = parameters.as_of_date

),

staged as (

    select
        * except (median_gap_days, favourite_category),
        median_gap_days as known_gap_days,
        {{ imputed('median_gap_days') }} as median_gap_days,
        coalesce(favourite_category, by_feature['favourite_category'].most_common)
            as favourite_category,
        median_gap_days is null as median_gap_days_was_imputed,
        favourite_category is null
        and by_feature['favourite_category'].most_common is not null
            as favourite_category_was_imputed,
        case
            when tenure_days < {{ var('active_days') }} then 'new'
            when recency_days > {{ var('lost_rhythms') }} * rhythm_days then 'lost'
            when recency_days > {{ var('risk_rhythms') }} * rhythm_days then 'at risk'
            when last_gap_days > {{ var('lost_rhythms') }} * rhythm_days then 'won back'
            else 'active'
        end as lifecycle_stage
    from paced

),

final as (

    select
        * except (by_feature, known_gap_days),
        {{ one_hot('lifecycle_stage', lifecycle_stages()) }},
    {% for feature in scaled_features() %}
        {{ is_outlier(feature) }} as {{ feature }}_is_outlier,
        {{ winsorised(feature) }} as {{ feature }}_winsorised,
        {{ min_max_scaled(feature) }} as {{ feature }}_scaled
        {{- ',' if not loop.last }}
    {% endfor %}
    from staged

)

select * from final
