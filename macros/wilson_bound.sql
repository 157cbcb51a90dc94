{#
    Lower (sign '-') or upper ('+') bound of the 95 % interval of a share, by E. B. Wilson,
    "Probable inference, the law of succession, and statistical inference" (1927).
#}
{% macro wilson_bound(successes, trials, sign) -%}
    {%- set z = 1.959964 -%}
    (2 * {{ successes }} + {{ z * z }} {{ sign }} {{ z }} * sqrt(
        {{ z * z }} + 4 * {{ successes }} * (1 - {{ safe_divide(successes, trials) }})
    )) / (2 * ({{ trials }} + {{ z * z }}))
{%- endmacro %}
