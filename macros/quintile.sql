{# Score 1..5 by rank in a group; equal values score alike (ntile would split them). #}
{% macro quintile(order_by, partition_by) -%}
    cast(least(5, 1 + floor(5 * percent_rank() over (
        partition by {{ partition_by }} order by {{ order_by }}
    ))) as int)
{%- endmacro %}
