-- One row per source and as-of date: each month end within its data, and its last day.
with

months as (

    select
        source,
        last_date,
        explode(
            sequence(trunc(first_date, 'month'), last_date, interval 1 month)
        ) as month_start
    from {{ ref('int_sources_bounded') }}

),

final as (

    select
        source,
        last_day(month_start) >= last_date as is_latest,
        least(last_day(month_start), last_date) as as_of_date
    from months

)

select * from final
