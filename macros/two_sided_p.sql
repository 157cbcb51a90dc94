{#
    Chance that a standard normal value is at least so far from 0: erfc(z / sqrt 2), by
    Abramowitz and Stegun, "Handbook of Mathematical Functions", 7.1.26; error < 1.5e-7.
#}
{% macro two_sided_p(z) -%}
    {%- set t = '(1 / (1 + 0.3275911 * abs(' ~ z ~ ') / sqrt(2D)))' -%}
    {{ t }} * (0.254829592D + {{ t }} * (-0.284496736D + {{ t }} * (
        1.421413741D + {{ t }} * (-1.453152027D + {{ t }} * 1.061405429D)
    ))) * exp(-{{ z }} * {{ z }} / 2)
{%- endmacro %}
