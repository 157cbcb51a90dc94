{# A sum of amounts as money: four decimals, and 0 where there is none. #}
{% macro money(amount) -%}
    cast(coalesce({{ amount }}, 0) as decimal(28, 4))
{%- endmacro %}
