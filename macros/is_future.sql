{#
    Dated after the day it landed: nothing that happened can be, whatever the clocks and
    time zones of its sender. No calendar or report counts it.
#}
{% macro is_future(occurred_at, landed_at) -%}
    {{ occurred_at }} >= date_add({{ landed_at }}, 1)
{%- endmacro %}
