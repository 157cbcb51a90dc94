-- One row per customer and as-of date: what their orders said by the end of that date.
with

versions as (

    select * from {{ ref('int_order_versions') }}

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

known as (

    select
        versions.*,
        as_of_dates.as_of_date,
        datediff(as_of_dates.as_of_date, versions.sold_date) as age_days
    from versions
    inner join as_of_dates
        on
            versions.source = as_of_dates.source
            and versions.from_date <= as_of_dates.as_of_date
            and versions.to_date > as_of_dates.as_of_date

),

sums as (

    select
        customer_id,
        source,
        count(*) as order_count,
        sum(line_count) as line_count,
        sum(quantity) as quantity,
        sum(revenue) as revenue,
        sum(refunded_amount) as refunded_amount,
        sum(discount) as discount,
        sum(list_price) as list_price,
        count_if(weekday(sold_date) >= 5) as weekend_orders,
        count_if(age_days < 30) as orders_30d,
        count_if(age_days < 90) as orders_90d,
        sum(if(age_days < 30, revenue, 0)) as revenue_30d,
        sum(if(age_days < 90, revenue, 0)) as revenue_90d,
        sum(if(age_days < 180, revenue, 0)) as revenue_180d,
        as_of_date
    from known
    group by customer_id, source, as_of_date

),

-- Collected once for each customer and not for each date, as Spark sorts all that it
-- collects.
histories as (

    select
        customer_id,
        source,
        array_sort(collect_list(struct(sold_date, from_date, to_date))) as versions
    from versions
    group by customer_id, source

),

final as (

    select
        sums.* except (as_of_date),
        array_distinct(transform(
            filter(
                histories.versions,
                each -> each.from_date <= sums.as_of_date
                and each.to_date > sums.as_of_date
            ),
            each -> each.sold_date
        )) as order_dates,
        sums.as_of_date
    from sums
    inner join histories
        on sums.source = histories.source and sums.customer_id = histories.customer_id

)

select * from final
