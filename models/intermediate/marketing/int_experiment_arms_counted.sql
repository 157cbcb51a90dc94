-- One row per experiment, metric and arm: its visitors, beside those of the control.
with

units as (

    select * from {{ ref('int_experiment_units') }}

),

planned as (

    select * from {{ ref('experiment_arms') }}

),

arms as (

    select
        experiment_id,
        source,
        units.metric,
        arm,
        coalesce(max(planned.weight), 1) as weight,
        count(*) as assigned,
        count_if(units.has_seen_two_arms) as excluded,
        count_if(not units.has_seen_two_arms) as exposed,
        count_if(units.is_converted and not units.has_seen_two_arms) as conversions
    from units
    left join planned using (source, experiment_id, arm)
    group by experiment_id, source, units.metric, arm

),

rates as (

    select
        *,
        {{ safe_divide('conversions', 'exposed') }} as rate,
        {{ wilson_bound('conversions', 'exposed', '-') }} as rate_low,
        {{ wilson_bound('conversions', 'exposed', '+') }} as rate_high
    from arms

),

-- The arm of this name, else the first one by its name.
controls as (

    select * from rates
    qualify
        row_number() over (
            partition by source, experiment_id, metric order by arm != 'control', arm
        ) = 1

),

final as (

    select
        experiment_id,
        source,
        metric,
        arms.arm,
        arms.assigned,
        arms.excluded,
        arms.exposed,
        arms.conversions,
        arms.rate,
        arms.rate_low,
        arms.rate_high,
        controls.exposed as control_exposed,
        controls.conversions as control_conversions,
        controls.rate as control_rate,
        controls.rate_low as control_low,
        controls.rate_high as control_high,
        -- Standard deviations from the share of both that the arm was meant to get.
        (arms.assigned * controls.weight - controls.assigned * arms.weight) / sqrt(
            arms.weight * controls.weight * (arms.assigned + controls.assigned)
        ) as ratio_deviation,
        arms.arm = controls.arm as is_control
    from rates as arms
    inner join controls using (source, experiment_id, metric)

)

select * from final
