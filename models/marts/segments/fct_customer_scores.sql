-- One row per customer, latest as-of date and model with a champion: its SQL answer.
{% set is_added_to = has_column('asked_hash') -%}
with

asked as (

    select * from {{ ref('int_scores_asked') }}

),

changed as (

    select asked.* from asked
    {% if is_added_to %}
        left anti join {{ this }}
            using (source, customer_id, model_name, model_version, asked_hash)
    {% endif %}

),

answers as (

    {% for model, names in scored_models().items() %}
        select
            customer_id,
            source,
            '{{ model }}' as model_name,
            asked_hash,
            as_of_date,
            ml.{{ model }}_explained(
                {% for name in names %}
                    cast({{ name }} as double){{ ',' if not loop.last }}
                {% endfor %}
            ) as answer
        from changed
        where model_name = '{{ model }}'
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- A chance and an amount of money are no one column: nobody could sort or average it.
final as (

    select
        customer_id,
        source,
        model_name,
        answer.version as model_version,
        answer.band,
        answer.reasons,
        if(model_name = 'lifetime_value', null, answer.score) as score,
        if(model_name = 'lifetime_value', answer.score, null) as expected_value,
        asked_hash,
        as_of_date
    from answers

    {% if is_added_to %}
        -- Nobody asks for these any more; without a version, the merge deletes them.
        union all
        select
            customer_id,
            source,
            model_name,
            null as model_version,
            null as band,
            null as reasons,
            null as score,
            null as expected_value,
            null as asked_hash,
            null as as_of_date
        from {{ this }}
        left anti join asked using (source, customer_id, model_name)
    {% endif %}

)

select * from final
