-- One row per version of model association_rules and rule that it found.
with

rules as (

    select * from {{ source('ml', 'association_rules') }}

),

renamed as (

    select
        md5(concat_ws(
            '\n', source, array_join(antecedent, '\t'), array_join(consequent, '\t')
        )) as rule_id,
        source,
        version as model_version,
        antecedent,
        consequent,
        basket_count,
        support,
        confidence,
        lift,
        leverage,
        conviction
    from rules

)

select * from renamed
