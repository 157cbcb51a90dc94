{#
    Replaces dbt-spark's merge for two reasons: `meta.insert_only` keeps the first row of a
    key for ever, and schema evolution lets a new event property reach existing tables.
#}
{% macro spark__get_merge_sql(
    target, source, unique_key, dest_columns, incremental_predicates
) %}
    {%- set matches = [] -%}
    {%- set keys = [unique_key] if unique_key is string else unique_key -%}
    {%- for key in keys -%}
        {%- do matches.append('existing.' ~ key ~ ' = incoming.' ~ key) -%}
    {%- endfor -%}
    merge with schema evolution into {{ target }} as existing
    using {{ source }} as incoming
    on {{ matches | join(' and ') }}
    {% if not config.get('meta', {}).get('insert_only') -%}
        when matched then update set *
    {% endif -%}
    when not matched then insert *
{% endmacro %}
