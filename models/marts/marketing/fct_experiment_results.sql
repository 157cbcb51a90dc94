-- One row per experiment, metric and arm: how it did beside the control.
with

arms as (

    select * from {{ ref('int_experiment_arms_counted') }}

),

effects as (

    select
        *,
        if(is_control, null, rate - control_rate) as effect,
        least(
            conversions,
            control_conversions,
            exposed - conversions,
            control_exposed - control_conversions
        ) as fewest,
        -- Of the effect; null where all or none converted, when it would be 0.
        nullif(
            {{ safe_divide('rate * (1 - rate)', 'exposed') }}
            + {{ safe_divide('control_rate * (1 - control_rate)', 'control_exposed') }},
            0
        ) as variance,
        {{ two_sided_p('ratio_deviation') }} as sample_ratio_p_value,
        pow({{ var('experiment_effect_deviation') }}, 2) as tau2
    from arms

),

tested as (

    select
        *,
        sqrt(
            variance * (variance + tau2) / tau2
            * (2 * ln(20) + ln((variance + tau2) / variance))
        ) as always_valid_margin,
        sqrt((variance + tau2) / variance) * exp(
            -tau2 * effect * effect / (2 * variance * (variance + tau2))
        ) as always_valid_p
    from effects

),

final as (

    select
        experiment_id,
        source,
        metric,
        arm,
        case
            when is_control then 'control'
            when sample_ratio_p_value < 0.001 then 'sample ratio mismatch'
            when fewest < 10 then 'too early'
            when effect > always_valid_margin then 'better'
            when effect < -always_valid_margin then 'worse'
            else 'undecided'
        end as decision,
        assigned,
        excluded,
        exposed,
        conversions,
        rate,
        rate_low,
        rate_high,
        effect,
        effect
        - sqrt(pow(rate - rate_low, 2) + pow(control_high - control_rate, 2))
            as effect_low,
        effect
        + sqrt(pow(rate_high - rate, 2) + pow(control_rate - control_low, 2))
            as effect_high,
        {{ safe_divide('effect', 'control_rate') }} as relative_effect,
        effect - always_valid_margin as always_valid_low,
        effect + always_valid_margin as always_valid_high,
        if(always_valid_p > 1, 1, always_valid_p) as always_valid_p_value,
        sample_ratio_p_value,
        is_control
    from tested

)

select * from final
