-- One row per source, day, model and channel: what the channel brought, and its cost.
with

attribution as (

    select * from {{ ref('fct_attribution') }}

),

costs as (

    select
        source,
        channel_group,
        cost_per_day,
        explode(sequence(first_date, last_date)) as converted_date
    from {{ ref('channel_costs') }}

),

credited as (

    select
        source,
        model,
        channel_group,
        sum(credit) as conversions,
        sum(net_revenue) as net_revenue,
        converted_date
    from attribution
    group by source, model, channel_group, converted_date

),

bounds as (

    select
        source,
        model,
        min(converted_date) as first_date,
        max(converted_date) as last_date
    from credited
    group by source, model

),

-- From the first conversion of a source to its last one, whatever it brought.
spent as (

    select
        source,
        bounds.model,
        costs.channel_group,
        sum(costs.cost_per_day) as cost,
        costs.converted_date
    from costs
    inner join bounds using (source)
    where costs.converted_date between bounds.first_date and bounds.last_date
    group by source, bounds.model, costs.channel_group, costs.converted_date

),

final as (

    select
        source,
        model,
        channel_group,
        cast(coalesce(credited.conversions, 0) as decimal(20, 8)) as conversions,
        cast(coalesce(credited.net_revenue, 0) as decimal(28, 4)) as net_revenue,
        cast(spent.cost as decimal(28, 4)) as cost,
        double({{ safe_divide('coalesce(credited.net_revenue, 0)', 'spent.cost') }})
            as return_on_cost,
        double({{ safe_divide('spent.cost', 'credited.conversions') }})
            as cost_per_conversion,
        converted_date
    from credited
    full outer join spent using (source, model, channel_group, converted_date)

)

select * from final
