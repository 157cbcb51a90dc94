{# The value an attribute had first in a session's events, unknown ones left out. #}
{% macro earliest(column, where='true') -%}
    min_by({{ column }}, struct(occurred_at, event_id))
        filter (where {{ column }} is not null and {{ where }})
{%- endmacro %}
