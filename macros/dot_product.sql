{# Sum of the products of two arrays' values, place by place. #}
{% macro dot_product(left_array, right_array) -%}
    aggregate(
        zip_with({{ left_array }}, {{ right_array }}, (x, y) -> x * y),
        0D,
        (total, product) -> total + product
    )
{%- endmacro %}
