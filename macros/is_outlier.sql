{# Whether a number lies beyond the fences of its feature; false where it is null. #}
{% macro is_outlier(feature, parameters='by_feature') -%}
    coalesce(
        double({{ feature }}) > {{ parameters }}['{{ feature }}'].fence_high
        or double({{ feature }}) < {{ parameters }}['{{ feature }}'].fence_low,
        false
    )
{%- endmacro %}
