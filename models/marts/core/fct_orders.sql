-- One row per order, summed over its lines, cancelled and anonymous orders included.
with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

touched as (

    select distinct
        source,
        order_id
    from lines
    where changed_at > {{ last_landed() }}

),

touched_lines as (

    select lines.* from lines
    {% if is_incremental() %}
        left semi join touched
            on lines.source = touched.source and lines.order_id = touched.order_id
    {% endif %}
    where not lines.is_replaced

),

-- Texts are grouped by first: Spark sums numbers by hash, but takes a max of texts by
-- sorting every line.
parts as (

    select
        source,
        order_id,
        customer_id,
        store_id,
        country,
        currency,
        count(*) as line_count,
        count_if(is_sale) as sale_line_count,
        sum(quantity) filter (where is_sale) as quantity,
        sum(line_total) filter (where is_sale) as revenue,
        sum(retail_discount) filter (where is_sale) as retail_discount,
        sum(coupon_discount) filter (where is_sale) as coupon_discount,
        sum(coupon_match_discount) filter (where is_sale) as coupon_match_discount,
        bool_or(is_cancelled) as is_cancelled,
        bool_or(has_future_date) as has_future_date,
        min(occurred_at) as ordered_at,
        max(changed_at) as landed_at
    from touched_lines
    group by source, order_id, customer_id, store_id, country, currency

),

final as (

    select
        order_id,
        max(customer_id) as customer_id,
        max(store_id) as store_id,
        source,
        max(country) as country,
        max(currency) as currency,
        sum(line_count) as line_count,
        sum(sale_line_count) as sale_line_count,
        round(coalesce(sum(quantity), 0), 6) as quantity,
        cast(coalesce(sum(revenue), 0) as decimal(28, 4)) as revenue,
        cast(coalesce(sum(retail_discount), 0) as decimal(28, 4)) as retail_discount,
        cast(coalesce(sum(coupon_discount), 0) as decimal(28, 4)) as coupon_discount,
        cast(coalesce(sum(coupon_match_discount), 0) as decimal(28, 4))
            as coupon_match_discount,
        bool_or(is_cancelled) as is_cancelled,
        max(customer_id) is null as is_anonymous,
        sum(sale_line_count) > 0 as is_sale,
        bool_or(has_future_date) as has_future_date,
        date(min(ordered_at)) as ordered_date,
        min(ordered_at) as ordered_at,
        max(landed_at) as landed_at
    from parts
    group by source, order_id

)

select * from final
