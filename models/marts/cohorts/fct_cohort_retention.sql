-- One row per cohort and week or month since its first order: who came back.
with

customer_days as (

    select
        *,
        explode(array('week', 'month')) as cohort_period
    from {{ ref('int_events_aggregated_to_customer_days') }}
    where order_count > 0

),

bounds as (

    select * from {{ ref('int_sources_bounded') }}

),

customer_periods as (

    select
        source,
        cohort_period,
        customer_id,
        sum(revenue) as revenue,
        trunc(activity_date, cohort_period) as period_start_date
    from customer_days
    group by source, cohort_period, customer_id, trunc(activity_date, cohort_period)

),

cohort_members as (

    select
        *,
        min(period_start_date) over (
            partition by source, cohort_period, customer_id
        ) as cohort_start_date
    from customer_periods

),

active_members as (

    select
        source,
        cohort_period,
        count(*) as active_customers,
        sum(revenue) as revenue,
        cohort_start_date,
        period_start_date
    from cohort_members
    group by source, cohort_period, cohort_start_date, period_start_date

),

-- Every period up to the last day of the source, so that one without customers shows.
calendar as (

    select
        cohorts.source,
        cohorts.cohort_period,
        cohorts.active_customers as customers,
        bounds.last_date,
        cohorts.cohort_start_date,
        posexplode(if(
            cohorts.cohort_period = 'week',
            sequence(cohorts.cohort_start_date, bounds.last_date, interval 7 day),
            sequence(cohorts.cohort_start_date, bounds.last_date, interval 1 month)
        )) as (period_number, period_start_date)
    from active_members as cohorts
    inner join bounds on cohorts.source = bounds.source
    where cohorts.cohort_start_date = cohorts.period_start_date

),

final as (

    select
        source,
        cohort_period,
        calendar.period_number,
        calendar.customers,
        coalesce(active_members.active_customers, 0) as active_customers,
        coalesce(active_members.active_customers, 0) / calendar.customers as retention,
        cast(coalesce(active_members.revenue, 0) as decimal(28, 4)) as revenue,
        calendar.last_date >= if(
            cohort_period = 'week', period_start_date + 6, last_day(period_start_date)
        ) as is_complete,
        cohort_start_date,
        period_start_date
    from calendar
    left join active_members
        using (source, cohort_period, cohort_start_date, period_start_date)

)

select * from final
