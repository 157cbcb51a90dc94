-- One row per source and cleaning rule: rows before, rows found, rows that still count.
with

rules as (

    select * from {{ ref('cleaning_rules') }}

),

records as (

    select
        *,
        reason in ('accepted', 'duplicate') as is_event
    from {{ ref('ledger') }}

),

lines as (

    select * from {{ ref('fct_order_lines') }}

),

customers as (

    select features.* from {{ ref('fct_customer_features_daily') }} as features
    left semi join {{ ref('int_as_of_dates') }} as dates
        on
            features.source = dates.source
            and features.as_of_date = dates.as_of_date
            and dates.is_latest

),

found as (

    select
        source,
        sum(record_count) as total_count,
        stack(
            5,
            'rejected', sum(if(not is_event, record_count, 0)),
            'repeated id', sum(if(reason = 'duplicate', record_count, 0)),
            'bot', sum(bot_count),
            'future date', sum(future_count),
            'late', sum(late_count)
        ) as (rule_name, found_count)
    from records
    group by source
    union all
    select
        source,
        count(*) as total_count,
        stack(
            8,
            'exact duplicate', count_if(is_exact_duplicate),
            'cancelled', count_if(is_cancelled),
            'replaced', count_if(is_replaced),
            'quantity of 0 or less', count_if(quantity <= 0),
            'amount of 0 or less', count_if(has_nonpositive_amount),
            'anonymous', count_if(is_anonymous),
            'extreme quantity', count_if(has_extreme_quantity),
            'no product', count_if(not is_product)
        ) as (rule_name, found_count)
    from lines
    group by source
    union all
    select
        source,
        count(*) as total_count,
        stack(
            {{ 2 + scaled_features() | length }},
            {%- for feature in scaled_features() %}
                'outlier of {{ feature }}', count_if({{ feature }}_is_outlier),
            {%- endfor %}
            'no median_gap_days', count_if(median_gap_days_was_imputed),
            'no favourite_category', count_if(favourite_category_was_imputed)
        ) as (rule_name, found_count)
    from customers
    group by source

),

final as (

    select
        found.source,
        rules.rule_name,
        rules.row_type,
        rules.treatment,
        found.total_count,
        found.found_count,
        found.total_count - if(rules.is_kept, 0, found.found_count) as kept_count
    from found
    inner join rules on found.rule_name = rules.rule_name

)

select * from final
