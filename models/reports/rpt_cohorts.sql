-- One row per source, cohort and week or month since its first order, and all together.
with

cohorts as (

    select * from {{ ref('fct_cohort_retention') }}
    where period_number <= {{ var('cohort_periods') }}

),

-- All together are those for whom the period is over: others would lower the rate.
labelled as (

    select
        *,
        date_format(
            cohort_start_date, if(cohort_period = 'week', 'yyyy-MM-dd', 'yyyy-MM')
        ) as cohort
    from cohorts
    union all
    select
        *,
        'All' as cohort
    from cohorts
    where is_complete

),

final as (

    select
        source,
        cohort_period,
        cohort,
        period_number,
        sum(customers) as customers,
        sum(active_customers) as active_customers,
        sum(active_customers) / sum(customers) as retention,
        cast(sum(revenue) as decimal(28, 4)) as revenue,
        cast(sum(revenue) / sum(customers) as decimal(28, 4)) as revenue_per_customer,
        bool_and(is_complete) as is_complete
    from labelled
    group by source, cohort_period, cohort, period_number

)

select * from final
