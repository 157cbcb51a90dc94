-- One row per customer, latest as-of date and model with a champion: its SQL answer.
{% set buying = [
    'recency_days', 'tenure_days', 'order_count', 'average_order_value',
    'days_between_orders', 'orders_30d', 'revenue_30d', 'orders_90d', 'revenue_90d',
] -%}
{% set arguments = {
    'purchase_probability': buying,
    'churn_probability': buying,
    'lifetime_value': ['recency_days', 'tenure_days', 'order_day_count', 'revenue'],
} -%}
with

features as (

    select * from {{ ref('fct_customer_features_daily') }}

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

champions as (

    select * from {{ ref('stg_ml__champions') }}

),

latest as (

    select features.* from features
    inner join bounds
        on
            features.source = bounds.source
            and features.as_of_date = bounds.last_date

),

answers as (

    {% for model, names in arguments.items() %}
        select
            customer_id,
            source,
            '{{ model }}' as model_name,
            as_of_date,
            ml.{{ model }}_explained(
                {% for name in names %}
                    cast({{ name }} as double){{ ',' if not loop.last }}
                {% endfor %}
            ) as answer
        from latest
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- A chance and an amount of money are no one column: nobody could sort or average it.
final as (

    select
        answers.customer_id,
        answers.source,
        answers.model_name,
        answers.answer.version as model_version,
        answers.answer.band,
        answers.answer.reasons,
        if(answers.model_name = 'lifetime_value', null, answers.answer.score) as score,
        if(answers.model_name = 'lifetime_value', answers.answer.score, null)
            as expected_value,
        answers.as_of_date
    from answers
    inner join champions on answers.model_name = champions.model_name

)

select * from final
