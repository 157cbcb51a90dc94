{# Post-hook: note what sessions were cut by; no commit where nothing changed. #}
{% macro remember_session_policy() -%}
    {%- if execute -%}
        {%- set key = 'lakehouse.session_policy' -%}
        {%- set found = run_query(
            'show tblproperties ' ~ this ~ " ('" ~ key ~ "')"
        ) -%}
        {%- if found.rows[0][1] != session_policy() -%}
            alter table {{ this }}
            set tblproperties ('{{ key }}' = '{{ session_policy() }}')
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
