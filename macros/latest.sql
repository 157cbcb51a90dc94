{#
    The value an attribute had last in a group: null never replaces a known value, and of
    two at once the greater wins.
#}
{% macro latest(column, at='occurred_at') -%}
    max_by({{ column }}, struct({{ at }}, {{ column }}))
        filter (where {{ column }} is not null)
{%- endmacro %}
