-- One row per association rule: what is in a basket more often when something else is.
with

champions as (

    select * from {{ ref('stg_ml__champions') }}
    where model_name = 'association_rules'

),

rules as (

    select rules.* from {{ ref('stg_ml__association_rules') }} as rules
    inner join champions on rules.model_version = champions.model_version

),

products as (

    select * from {{ ref('dim_products') }}

),

items as (

    select
        rule_id,
        source,
        true as is_antecedent,
        explode(antecedent) as product_id
    from rules
    union all
    select
        rule_id,
        source,
        false as is_antecedent,
        explode(consequent) as product_id
    from rules

),

named as (

    select
        items.rule_id,
        items.is_antecedent,
        {{ product_label('products', 'items.product_id') }} as product_name
    from items
    left join products
        on items.source = products.source and items.product_id = products.product_id

),

names as (

    select
        rule_id,
        array_join(array_sort(collect_list(product_name) filter (
            where is_antecedent
        )), ' + ') as antecedent_names,
        array_join(array_sort(collect_list(product_name) filter (
            where not is_antecedent
        )), ' + ') as consequent_names
    from named
    group by rule_id

),

final as (

    select
        rules.rule_id,
        rules.source,
        rules.model_version,
        rules.antecedent,
        rules.consequent,
        names.antecedent_names,
        names.consequent_names,
        rules.basket_count,
        rules.support,
        rules.confidence,
        rules.lift,
        rules.leverage,
        rules.conviction
    from rules
    inner join names on rules.rule_id = names.rule_id

)

select * from final
