{#
    From when on new rows of a model, those with a later landed_at than any of this table,
    may change sessions: their earliest time, less a gap; a literal, because by nothing
    else Delta skips files.
#}
{% macro touched_since(relation, column, cursor) -%}
    {%- if is_incremental() -%}
        {%- set gap = 'make_dt_interval(0, 0, ' ~ var('session_gap_minutes') ~ ')' -%}
        {%- set query = 'select string(min(' ~ column ~ ') - ' ~ gap ~ ') from '
            ~ relation ~ ' where landed_at > ' ~ cursor -%}
        {%- set result = run_query(query) -%}
        timestamp '{{ (result.rows[0][0] if result) or '9999-12-31' }}'
    {%- endif -%}
{%- endmacro %}
