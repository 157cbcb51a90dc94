-- One number for revenue, and one net of refunds: lines, orders and both reports agree.
with

lines as (

    select
        source,
        sum(line_total) as of_lines,
        sum(net_revenue) as net_of_lines,
        sum(if(has_future_date, 0, line_total)) as of_dated_lines
    from {{ ref('fct_order_lines') }}
    where is_sale
    group by source

),

orders as (

    select
        source,
        sum(revenue) as of_orders,
        sum(net_revenue) as net_of_orders,
        sum(if(has_future_date, 0, revenue)) as of_dated_orders
    from {{ ref('fct_orders') }}
    where is_sale
    group by source

),

sales as (

    select
        source,
        sum(revenue) as of_sales
    from {{ ref('rpt_sales') }}
    group by source

),

overview as (

    select
        source,
        sum(revenue) as of_overview
    from {{ ref('rpt_overview') }}
    where revenue > 0
    group by source

)

select
    lines.of_lines,
    lines.of_dated_lines,
    orders.of_orders,
    lines.net_of_lines,
    orders.net_of_orders,
    orders.of_dated_orders,
    sales.of_sales,
    overview.of_overview
from lines
full outer join orders using (source)
full outer join sales using (source)
full outer join overview using (source)
where
    not lines.of_lines <=> orders.of_orders
    or not lines.net_of_lines <=> orders.net_of_orders
    or not lines.of_dated_lines <=> sales.of_sales
    or not orders.of_dated_orders <=> overview.of_overview
