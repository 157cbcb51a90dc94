-- One row per source, funnel, step and value of a dimension, as boards draw it.
with

steps as (

    select * from {{ ref('fct_funnel_steps') }}

),

final as (

    select
        source,
        funnel,
        dimension,
        dimension_value,
        step_number || '. ' || step_name as step,
        step_number,
        reached_count,
        coalesce(lead(reached_count) over following, 0) as continued_count,
        conversion_from_previous,
        conversion_from_first,
        median_seconds / 3600 as median_hours
    from steps
    window
        following as (
            partition by source, funnel, dimension, dimension_value
            order by step_number
        )

)

select * from final
