{# Replaces dbt-spark's: one statement and commit for all columns, not one for each. #}
{% macro spark__alter_column_comment(relation, column_dict) %}
    {%- set comments = [] -%}
    {%- for name, column in column_dict.items() if column.description -%}
        {%- set text = column.description | replace("'", "\\'") -%}
        {%- do comments.append(adapter.quote(name) ~ " comment '" ~ text ~ "'") -%}
    {%- endfor -%}
    {%- if comments -%}
        {%- set columns = comments | join(', ') -%}
        {%- do run_query('alter table ' ~ relation ~ ' alter column ' ~ columns) -%}
    {%- endif -%}
{% endmacro %}
