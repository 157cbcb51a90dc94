-- One row per source and as-of date: each month end within its data, and its last day.
with

bounds as (

    select
        source,
        last_date,
        sequence(trunc(first_date, 'month'), last_date, interval 1 month) as months
    from {{ ref('int_sources_bounded') }}

),

dates as (

    select
        source,
        last_date,
        explode(array_distinct(transform(
            months, month -> least(last_day(month), last_date)
        ))) as as_of_date
    from bounds

),

final as (

    select
        source,
        as_of_date = last_date as is_latest,
        as_of_date
    from dates

)

select * from final
