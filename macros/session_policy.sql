{#
    What sessions are cut by, as one text. The tables of sessions remember the text that they
    were built with as a property, so that another policy is noticed and all is cut anew.
#}
{% macro session_policy() -%}
    {%- set names = [
        'session_gap_minutes', 'session_max_hours', 'session_split_on_campaign',
        'session_split_at_midnight', 'session_pages', 'bot_events_per_minute',
        'bot_session_hours'
    ] -%}
    {%- set values = [] -%}
    {%- for name in names -%}{%- do values.append(var(name) | string) -%}{%- endfor -%}
    {#- the last part changes with what the tables hold -#}
    {{ return(values | join('/') ~ '/2') }}
{%- endmacro %}
