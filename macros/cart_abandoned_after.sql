{# How long a cart lies untouched before it is abandoned. #}
{% macro cart_abandoned_after() -%}
    make_dt_interval(0, {{ var('cart_abandoned_hours') }})
{%- endmacro %}
