{# The band of a price by the bounds of var price_bands: its number and its name. #}
{% macro price_band(price) -%}
    {%- set bounds = var('price_bands') -%}
    {%- set band = "struct({} as number, '{}' as name)" -%}
    {%- set cases = [] -%}
    {%- for bound in bounds -%}
        {%- set name = 'below ' if loop.first else bounds[loop.index0 - 1] ~ ' to ' -%}
        {%- set then = band.format(loop.index, name ~ bound) -%}
        {%- do cases.append('when ' ~ price ~ ' < ' ~ bound ~ ' then ' ~ then) -%}
    {%- endfor -%}
    case {{ cases | join(' ') }}
        else {{ band.format(bounds | length + 1, (bounds | last) ~ ' and more') }} end
{%- endmacro %}
