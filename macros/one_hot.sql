{# A column of 0 and 1 for each value, named by both; another value or null is all 0. #}
{% macro one_hot(column, values) -%}
    {%- for value in values -%}
        if({{ column }} <=> '{{ value }}', 1, 0) as {{ column }}_{{ value | replace(' ', '_') }}
        {{- ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
