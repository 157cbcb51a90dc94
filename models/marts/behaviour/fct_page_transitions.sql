-- One row per source, page and the page opened after it; sessions of humans only.
with

sessions as (

    select * from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date

),

events as (

    select * from {{ ref('int_events_sessionized') }}
    where page_group is not null

),

steps as (

    select
        events.source,
        events.page_group,
        coalesce(lag(events.page_group) over visit, '(entry)') as previous_page,
        lead(events.event_id) over visit is null as is_exit,
        timestampdiff(
            second, lag(events.occurred_at) over visit, events.occurred_at
        ) as seconds
    from events
    left semi join sessions
        on
            events.source = sessions.source
            and events.session_id = sessions.session_id
    window
        visit as (
            partition by events.source, events.session_id
            order by events.occurred_at, events.event_id
        )

),

transitions as (

    select
        source,
        previous_page as from_page,
        page_group as to_page,
        seconds
    from steps
    union all
    select
        source,
        page_group as from_page,
        '(exit)' as to_page,
        null as seconds
    from steps
    where is_exit

),

counted as (

    select
        source,
        from_page,
        to_page,
        count(*) as transition_count,
        avg(seconds) as mean_seconds
    from transitions
    group by source, from_page, to_page

),

final as (

    select
        source,
        from_page,
        to_page,
        transition_count,
        {{ safe_divide(
            'transition_count',
            'sum(transition_count) over (partition by source, from_page)'
        ) }} as transition_share,
        mean_seconds
    from counted

)

select * from final
