-- One row per customer and as-of date: how many different products were bought by then.
with

lines as (

    select * from {{ ref('int_order_lines_dated') }}
    where customer_id is not null and is_product

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

-- As-of dates end a month or the data, so the month of the first purchase says enough.
kept as (

    select
        source,
        customer_id,
        product_id,
        trunc(min(sold_date), 'month') as since_date
    from lines
    where ended_date = date '9999-12-31'
    group by source, customer_id, product_id

),

-- Few purchases end; on the dates between they count, unless the product was kept, too.
ended as (

    select distinct
        lines.source,
        lines.customer_id,
        lines.product_id,
        as_of_dates.as_of_date
    from lines
    inner join as_of_dates
        on
            lines.source = as_of_dates.source
            and lines.sold_date <= as_of_dates.as_of_date
            and lines.ended_date > as_of_dates.as_of_date
    where lines.ended_date < date '9999-12-31'

),

ended_and_kept as (

    select /*+ broadcast(ended) */ distinct ended.*
    from lines
    inner join ended using (source, customer_id, product_id)
    where
        lines.ended_date = date '9999-12-31'
        and lines.sold_date <= ended.as_of_date

),

counts as (

    select
        source,
        customer_id,
        count(*) as product_count,
        since_date,
        date '9999-12-31' as until_date
    from kept
    group by source, customer_id, since_date
    union all
    select
        ended.source,
        ended.customer_id,
        1 as product_count,
        ended.as_of_date as since_date,
        ended.as_of_date as until_date
    from ended
    left anti join ended_and_kept using (source, customer_id, product_id, as_of_date)

),

final as (

    select
        counts.customer_id,
        counts.source,
        sum(counts.product_count) as product_count,
        as_of_dates.as_of_date
    from counts
    inner join as_of_dates
        on
            counts.source = as_of_dates.source
            and as_of_dates.as_of_date between counts.since_date and counts.until_date
    group by counts.customer_id, counts.source, as_of_dates.as_of_date

)

select * from final
