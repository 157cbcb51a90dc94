-- Each model shares out all conversions and all of their net revenue, day by day.
with

conversions as (

    select
        source,
        date(converted_at) as converted_date,
        count(*) as conversion_count,
        sum(net_revenue) as net_revenue
    from {{ ref('int_conversions') }}
    group by source, date(converted_at)

),

credited as (

    select
        source,
        converted_date,
        model,
        sum(credit) as credit,
        sum(net_revenue) as net_revenue
    from {{ ref('fct_attribution') }}
    group by source, converted_date, model

),

days as (

    select
        source,
        converted_date,
        count(*) as model_count,
        min(credit) as least_credit,
        max(credit) as most_credit,
        min(net_revenue) as least_revenue,
        max(net_revenue) as most_revenue
    from credited
    group by source, converted_date

)

select
    conversions.net_revenue,
    days.least_revenue,
    days.most_revenue
from conversions
full outer join days using (source, converted_date)
where
    not days.model_count <=> 7
    or not conversions.conversion_count <=> days.least_credit
    or not conversions.conversion_count <=> days.most_credit
    or not conversions.net_revenue <=> days.least_revenue
    or not conversions.net_revenue <=> days.most_revenue
