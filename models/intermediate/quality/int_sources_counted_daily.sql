-- One row per source and day, quiet days included: what happened, and what it lacks.
with

-- What landed more than a week later is an archive, replayed in whatever order.
events as (

    select
        source,
        sum(events) as events,
        sum(rejections) as rejections,
        sum(if(landed_date <= date_add(activity_date, 7), events, 0)) as fresh_events,
        sum(if(landed_date <= date_add(activity_date, 7), late_events, 0))
            as late_events,
        sum(events_without_customer) as events_without_customer,
        sum(priced_events) as priced_events,
        sum(events_without_price) as events_without_price,
        activity_date
    from {{ ref('int_events_counted_daily') }}
    group by source, activity_date

),

sales as (

    select
        source,
        count(*) as orders,
        sum(revenue) as revenue,
        ordered_date as activity_date
    from {{ ref('fct_orders') }}
    where is_sale and not has_future_date
    group by source, ordered_date

),

visits as (

    select
        source,
        count(*) as sessions,
        count_if(is_conversion) as conversions,
        started_date as activity_date
    from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date
    group by source, started_date

),

bounds as (

    select
        source,
        min(activity_date) as first_date,
        max(activity_date) as last_date
    from events
    where events > 0
    group by source

),

-- The last day of a source is not over yet.
calendar as (

    select
        source,
        explode(sequence(first_date, date_sub(last_date, 1))) as activity_date
    from bounds
    where first_date < last_date

),

final as (

    select
        source,
        coalesce(events.events, 0) as events,
        coalesce(events.rejections, 0) as rejections,
        events.fresh_events,
        events.late_events,
        events.events_without_customer,
        events.priced_events,
        events.events_without_price,
        coalesce(sales.orders, 0) as orders,
        coalesce(sales.revenue, 0) as revenue,
        coalesce(visits.sessions, 0) as sessions,
        coalesce(visits.conversions, 0) as conversions,
        activity_date
    from calendar
    left join events using (source, activity_date)
    left join sales using (source, activity_date)
    left join visits using (source, activity_date)

)

select * from final
