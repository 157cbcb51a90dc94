{# Whether the table that is added to has a column; an earlier one may not. #}
{% macro has_column(name) -%}
    {%- if not is_incremental() -%}{{ return(false) }}{%- endif -%}
    {%- set found = run_query('show columns in ' ~ this) -%}
    {{ return(found and name in found.columns[0].values()) }}
{%- endmacro %}
