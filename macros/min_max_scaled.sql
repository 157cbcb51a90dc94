{#
    A number winsorised and put on 0 to 1 between the least and the most of its feature within the fences; 0 where
    all are alike.
#}
{% macro min_max_scaled(feature, parameters='by_feature') -%}
    {%- set row = parameters ~ "['" ~ feature ~ "']" -%}
    {%- set low = 'greatest(' ~ row ~ '.minimum, ' ~ row ~ '.fence_low)' -%}
    {%- set high = 'least(' ~ row ~ '.maximum, ' ~ row ~ '.fence_high)' -%}
    coalesce({{ safe_divide(
        winsorised(feature, parameters) ~ ' - ' ~ low, high ~ ' - ' ~ low
    ) }}, 0)
{%- endmacro %}
