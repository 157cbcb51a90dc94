{# The features that are also kept winsorised and scaled. #}
{% macro scaled_features() -%}
    {{ return([
        'recency_days', 'order_count', 'revenue', 'average_order_value', 'median_gap_days'
    ]) }}
{%- endmacro %}
