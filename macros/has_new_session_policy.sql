{# Whether a table of sessions was last built with another policy; not at first. #}
{% macro has_new_session_policy() -%}
    {%- if not is_incremental() -%}{{ return(false) }}{%- endif -%}
    {%- set found = run_query(
        'show tblproperties ' ~ this ~ " ('lakehouse.session_policy')"
    ) -%}
    {{ return(found and found.rows[0][1] != session_policy()) }}
{%- endmacro %}
