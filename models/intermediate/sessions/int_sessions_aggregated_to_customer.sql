-- One row per customer and as-of date: what their sessions said by that date.
with

as_of_dates as (

    select * from {{ ref('int_as_of_dates') }}

),

-- A session may go on after the date: what counts then is what it was by then.
session_days as (

    select
        session_id,
        source,
        min(customer_id) as first_customer_id,
        max(customer_id) as last_customer_id,
        count_if(event_type = 'page_view' and session_role = 'view') as page_views,
        count_if(event_type = 'product_view') as product_views,
        count_if(event_type = 'cart') as carts,
        count_if(event_type = 'purchase') as purchases,
        count_if(session_role in ('action', 'order')) as actions,
        count_if(event_type in ('purchase', 'order_placed')) as conversions,
        bool_or(is_bot or is_rapid) as is_bot,
        date(occurred_at) as activity_date,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from {{ ref('int_events_sessionized') }}
    where not has_future_date
    group by source, session_id, date(occurred_at)

),

-- Only what events named by then, of customer and bot: nothing here is learned later.
sessions as (

    select
        min(lived.first_customer_id) as customer_id,
        lived.source,
        greatest(sum(lived.page_views), sum(lived.product_views)) as pages,
        sum(lived.product_views) as product_views,
        sum(lived.carts) as carts,
        sum(lived.purchases) as purchases,
        sum(lived.conversions) > 0 as is_conversion,
        pages + sum(lived.actions) <= 1 and not is_conversion as is_bounce,
        max(lived.activity_date) as last_active_date,
        as_of_dates.is_latest,
        as_of_dates.as_of_date
    from session_days as lived
    inner join as_of_dates
        on
            lived.source = as_of_dates.source
            and lived.activity_date <= as_of_dates.as_of_date
    group by
        lived.source, lived.session_id, as_of_dates.is_latest, as_of_dates.as_of_date
    having
        min(lived.first_customer_id) = max(lived.last_customer_id)
        and not bool_or(lived.is_bot)
        and timestampdiff(second, min(lived.started_at), max(lived.ended_at))
        <= 3600 * {{ var('bot_session_hours') }}

),

customers as (

    select
        customer_id,
        source,
        count(*) as session_count,
        sum(product_views) as product_view_count,
        sum(carts) as cart_count,
        sum(purchases) as purchase_count,
        avg(int(is_bounce)) as bounce_share,
        avg(int(is_conversion)) as conversion_share,
        avg(pages) as mean_depth,
        datediff(as_of_date, max(last_active_date)) as days_since_last_session,
        is_latest,
        as_of_date
    from sessions
    group by customer_id, source, is_latest, as_of_date

),

final as (

    select
        *,
        case
            when conversion_share >= {{ var('buyer_conversion_share') }} then 'buyer'
            when bounce_share >= {{ var('bouncer_bounce_share') }} then 'bouncer'
            else 'explorer'
        end as behaviour_segment
    from customers

)

select * from final
