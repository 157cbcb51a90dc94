{# Every known combination of the columns is in another model: a composite reference. #}
{% test found_in(model, columns, to) %}
    select distinct {{ columns | join(', ') }}
    from {{ model }}
    left anti join {{ to }} using ({{ columns | join(', ') }})
    where {{ columns | join(' is not null and ') }} is not null
{% endtest %}
