{# Known values of a column lie between two bounds, both allowed. #}
{% test within(model, column_name, least=none, most=none) %}
    select {{ column_name }} from {{ model }}
    where
        {{ column_name }} < {{ column_name if least is none else least }}
        or {{ column_name }} > {{ column_name if most is none else most }}
{% endtest %}
