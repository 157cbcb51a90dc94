-- One row per customer and model with a champion: what the model is asked.
with

features as (

    select * from {{ ref('fct_customer_features_daily') }}

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

champions as (

    select * from {{ ref('stg_ml__champions') }}
    where
        model_name in (
            {% for name in scored_models() %}
                '{{ name }}'{{ ',' if not loop.last }}
            {% endfor %}
        )

),

latest as (

    select
        features.customer_id,
        features.source,
        features.recency_days,
        features.tenure_days,
        features.order_count,
        features.order_day_count,
        features.average_order_value,
        features.days_between_orders,
        features.orders_30d,
        features.revenue,
        features.revenue_30d,
        features.orders_90d,
        features.revenue_90d,
        features.as_of_date
    from features
    inner join bounds
        on
            features.source = bounds.source
            and features.as_of_date = bounds.last_date

),

final as (

    select
        latest.*,
        champions.model_name,
        champions.model_version,
        md5(to_json(struct(latest.*))) as asked_hash
    from latest
    cross join champions

)

select * from final
