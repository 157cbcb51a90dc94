{# Median of an array's values; null of an empty one. #}
{% macro array_median(values) -%}
    transform(
        array(sort_array({{ values }})),
        s -> (get(s, (size(s) - 1) div 2) + get(s, size(s) div 2)) / 2
    )[0]
{%- endmacro %}
