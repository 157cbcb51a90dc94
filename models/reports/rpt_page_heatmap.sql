-- One row per source, page and bin of its area: clicks in it, or who scrolled to it.
with

sessions as (

    select * from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date

),

-- Kind of the page that the visitor had opened last: an event itself tells a path only.
visits as (

    select
        events.*,
        last_value(events.page_group, true) over (
            partition by events.source, events.session_id
            order by events.occurred_at, events.event_id
        ) as on_page
    from {{ ref('int_events_sessionized') }} as events
    left semi join sessions
        on
            events.source = sessions.source
            and events.session_id = sessions.session_id
    where events.page is not null

),

clicks as (

    select
        source,
        on_page,
        'click' as layer,
        int(least(floor(20 * click_x / viewport_width), 19)) as x_bin,
        int(floor(click_y / 100)) as y_bin
    from visits
    where event_type = 'click' and click_x >= 0 and click_y >= 0 and viewport_width > 0

),

-- Of each page in a session the furthest scroll; it has passed all tenths up to there.
scrolls as (

    select
        source,
        on_page,
        'scroll' as layer,
        0 as x_bin,
        explode(sequence(0, int(coalesce(max(scroll_depth_percent), 0) div 10)))
            as y_bin
    from visits
    group by source, session_id, on_page

),

bins as (

    select * from clicks
    union all
    select * from scrolls

),

counted as (

    select
        source,
        on_page as page_group,
        layer,
        x_bin,
        y_bin,
        count(*) as event_count,
        sum(count(*)) over (partition by source, on_page, layer) as layer_events
    from bins
    where on_page is not null
    group by source, on_page, layer, x_bin, y_bin

),

final as (

    select
        source,
        page_group,
        layer,
        x_bin,
        y_bin,
        event_count,
        event_count / if(layer = 'click', layer_events, max(event_count) over (
            partition by source, page_group, layer
        )) as event_share
    from counted
    qualify dense_rank() over (
        partition by source, layer order by layer_events desc, page_group asc
    ) <= {{ var('top_pages') }}

)

select * from final
