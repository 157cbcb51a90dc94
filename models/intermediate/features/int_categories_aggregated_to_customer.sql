-- One row per customer and as-of date: the categories they had bought from by then.
with

lines as (

    select * from {{ ref('int_order_lines_dated') }}
    where customer_id is not null and is_product

),

products as (

    select * from {{ ref('dim_products') }}
    where category_level_1 is not null

),

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

-- As-of dates end a month or the data, so the month says enough.
spent_monthly as (

    select
        lines.source,
        lines.customer_id,
        products.category_level_1 as category,
        sum(lines.line_total) as revenue,
        trunc(lines.sold_date, 'month') as sold_month,
        lines.ended_date
    from lines
    inner join products
        on lines.source = products.source and lines.product_id = products.product_id
    group by
        lines.source,
        lines.customer_id,
        products.category_level_1,
        trunc(lines.sold_date, 'month'),
        lines.ended_date

),

spent as (

    select
        spent_monthly.source,
        spent_monthly.customer_id,
        spent_monthly.category,
        sum(spent_monthly.revenue) as revenue,
        as_of_dates.as_of_date
    from spent_monthly
    inner join as_of_dates
        on
            spent_monthly.source = as_of_dates.source
            and spent_monthly.sold_month <= as_of_dates.as_of_date
            and spent_monthly.ended_date > as_of_dates.as_of_date
    group by
        spent_monthly.source,
        spent_monthly.customer_id,
        spent_monthly.category,
        as_of_dates.as_of_date

),

final as (

    select
        customer_id,
        source,
        max_by(category, struct(revenue, category)) as favourite_category,
        count(*) as category_count,
        double(max(revenue)) / double(sum(revenue)) as favourite_category_share,
        as_of_date
    from spent
    group by customer_id, source, as_of_date

)

select * from final
