{#
    The incremental cursor: landed_at (or another such column) of the last row this model
    holds, and a millisecond; the epoch on a full build. A batch lands with one landed_at, two milliseconds or
    more after every batch before it, so `landed_at >` it is exact, and files whose greatest one it is are
    skipped: Delta's statistics round up to the next millisecond. Read once and written as a constant,
    because only constants let Delta skip partitions and files.
#}
{% macro last_landed(column='landed_at') -%}
    {%- if is_incremental() -%}
        {%- set query = 'select unix_micros(max(' ~ column ~ ')) from ' ~ this -%}
        {%- set result = run_query(query) -%}
        timestamp_micros({{ ((result.rows[0][0] if result else 0) or 0) + 1000 }})
    {%- else -%}
        timestamp_micros(0)
    {%- endif -%}
{%- endmacro %}
