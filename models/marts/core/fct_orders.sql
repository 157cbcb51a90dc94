-- One row per order, summed over its lines, cancelled and anonymous orders included.
with

lines as (

    select * from {{ ref('fct_order_lines') }}

),

settled as (

    select * from {{ ref('int_orders_settled') }}

),

stale as (

    select
        source,
        order_id
    from lines
    where changed_at > {{ last_landed() }}
    union
    select
        source,
        order_id
    from settled
    where settlement_landed_at > {{ last_landed('settlement_landed_at') }}

),

stale_lines as (

    select lines.* from lines
    {% if is_incremental() %} left semi join stale using (source, order_id) {% endif %}
    where not lines.is_replaced

),

-- Texts are grouped by first, as Spark takes a max of texts by sorting every line.
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
        sum(net_revenue) as net_revenue,
        sum(retail_discount) filter (where is_sale) as retail_discount,
        sum(coupon_discount) filter (where is_sale) as coupon_discount,
        sum(coupon_match_discount) filter (where is_sale) as coupon_match_discount,
        bool_or(is_cancelled) as is_cancelled,
        bool_or(has_future_date) as has_future_date,
        min(occurred_at) as ordered_at,
        max(changed_at) as landed_at
    from stale_lines
    group by source, order_id, customer_id, store_id, country, currency

),

final as (

    select
        order_id,
        max(parts.customer_id) as customer_id,
        max(parts.store_id) as store_id,
        source,
        max(parts.country) as country,
        max(parts.currency) as currency,
        max(settled.payment_status) as payment_status,
        sum(parts.line_count) as line_count,
        sum(parts.sale_line_count) as sale_line_count,
        round(coalesce(sum(parts.quantity), 0), 6) as quantity,
        {{ money('sum(parts.revenue)') }} as revenue,
        {{ money('max(settled.refunded_amount)') }} as refunded_amount,
        {{ money('sum(parts.net_revenue)') }} as net_revenue,
        {{ money('sum(parts.retail_discount)') }} as retail_discount,
        {{ money('sum(parts.coupon_discount)') }} as coupon_discount,
        {{ money('sum(parts.coupon_match_discount)') }} as coupon_match_discount,
        bool_or(parts.is_cancelled) as is_cancelled,
        max(parts.customer_id) is null as is_anonymous,
        sum(parts.sale_line_count) > 0 as is_sale,
        bool_or(parts.has_future_date) as has_future_date,
        date(min(parts.ordered_at)) as ordered_date,
        min(parts.ordered_at) as ordered_at,
        max(parts.landed_at) as landed_at,
        max(settled.settlement_landed_at) as settlement_landed_at
    from parts
    left join settled using (source, order_id)
    group by source, order_id

)

select * from final
