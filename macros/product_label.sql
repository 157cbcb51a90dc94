{# A product as people read it: its name, else its narrowest category and its id. #}
{% macro product_label(products, product_id) -%}
    coalesce(
        {{ products }}.product_name,
        concat_ws(' ', coalesce(
            {{ products }}.category_level_3,
            {{ products }}.category_level_2,
            {{ products }}.category_level_1
        ), {{ product_id }})
    )
{%- endmacro %}
