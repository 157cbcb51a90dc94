{#
    The part of an amount that falls on a row when it is spread over rows by their weight: never more than the
    weight, and to the last digit the parts sum to the amount, or to all weight where the amount is more.
#}
{% macro spread(amount, weight, partition_by, order_by) -%}
    {%- set total -%}
        cast(sum({{ weight }}) over (partition by {{ partition_by }}) as decimal(18, 4))
    {%- endset -%}
    {%- set so_far -%}
        cast(sum({{ weight }}) over (
            partition by {{ partition_by }} order by {{ order_by }}
        ) as decimal(18, 4))
    {%- endset -%}
    {%- set spent = 'cast(least(' ~ amount ~ ', ' ~ total ~ ') as decimal(18, 4))' -%}
    coalesce(
        cast(
            round({{ safe_divide(spent ~ ' * ' ~ so_far, total) }}, 4)
            - round({{ safe_divide(
                spent ~ ' * cast(' ~ so_far ~ ' - ' ~ weight ~ ' as decimal(18, 4))', total
            ) }}, 4)
            as decimal(18, 4)
        ),
        0
    )
{%- endmacro %}
