{#
    Replaces dbt-spark's merge for four reasons: `meta.insert_only` keeps the first row of a
    key for ever, `meta.delete_when` takes out rows that the model says are gone,
    `meta.touched` says which existing rows new ones of another model may change, so that the
    merge opens no file of others, and schema evolution lets a new event property reach
    existing tables.
#}
{% macro spark__get_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) %}
    {%- set meta = config.get('meta', {}) -%}
    {%- set gone = meta.get('delete_when') -%}
    {%- set matches = [] -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- for key in keys -%}
        {%- do matches.append('existing.' ~ key ~ ' = incoming.' ~ key) -%}
    {%- endfor -%}
    {%- set touched = meta.get('touched') -%}
    {%- if touched and not has_new_session_policy() -%}
        {%- set since = touched_since(ref(touched.by), touched.column, last_landed()) %}
        {%- do matches.append('existing.' ~ touched.existing ~ ' >= ' ~ since) -%}
    {%- endif -%}
    {%- set clauses = [] -%}
    {%- if gone -%}
        {%- do clauses.append('when matched and incoming.' ~ gone ~ ' then delete') -%}
    {%- endif -%}
    {%- if not meta.get('insert_only') -%}
        {%- do clauses.append('when matched then update set *') -%}
    {%- endif -%}
    {%- do clauses.append(
        'when not matched' ~ (' and not incoming.' ~ gone if gone else '')
        ~ ' then insert *'
    ) -%}
    merge with schema evolution into {{ target }} as existing
    using {{ source }} as incoming
    on {{ matches | join(' and ') }}
    {{ clauses | join(' ') }}
{% endmacro %}
