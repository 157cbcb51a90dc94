{#
    A number, imputed where it is null and cut at the fences of its feature. `parameters` is a map from feature
    to its row of int_feature_parameters.
#}
{% macro winsorised(feature, parameters='by_feature') -%}
    greatest(
        least({{ imputed(feature, parameters) }}, {{ parameters }}['{{ feature }}'].fence_high),
        {{ parameters }}['{{ feature }}'].fence_low
    )
{%- endmacro %}
