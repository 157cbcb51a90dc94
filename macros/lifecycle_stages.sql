{# Stages of a customer's life, as fct_customer_features_daily names them. #}
{% macro lifecycle_stages() -%}
    {{ return(['new', 'active', 'at risk', 'lost', 'won back']) }}
{%- endmacro %}
