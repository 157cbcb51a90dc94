-- Cleaning flags lines and never drops them: every source keeps as many as it sent.
with

sent as (

    select
        source,
        sum(size(properties.lines)) as line_count
    from {{ ref('int_events_deduplicated') }}
    where event_type = 'order_placed'
    group by source
    having sum(size(properties.lines)) > 0

),

kept as (

    select
        source,
        count(*) as line_count
    from {{ ref('fct_order_lines') }}
    group by source

)

select
    sent.line_count as sent_lines,
    kept.line_count as kept_lines
from sent
full outer join kept using (source)
where not sent.line_count <=> kept.line_count
