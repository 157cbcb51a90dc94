{# Models whose functions score each customer, and the features they take, in order. #}
{% macro scored_models() -%}
    {%- set buying = [
        'recency_days', 'tenure_days', 'order_count', 'average_order_value',
        'days_between_orders', 'orders_30d', 'revenue_30d', 'orders_90d', 'revenue_90d'
    ] -%}
    {{ return({
        'purchase_probability': buying,
        'churn_probability': buying,
        'lifetime_value': ['recency_days', 'tenure_days', 'order_day_count', 'revenue']
    }) }}
{%- endmacro %}
