{# A number, or the median of its feature where it is null. #}
{% macro imputed(feature, parameters='by_feature') -%}
    coalesce(double({{ feature }}), {{ parameters }}['{{ feature }}'].median)
{%- endmacro %}
