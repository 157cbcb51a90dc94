-- One row per source with sessions: the moment at which its data of browsing end.
with

sessions as (

    select * from {{ ref('fct_sessions') }}
    where not has_future_date

),

bounds as (

    select
        source,
        max(ended_at) as browsed_until
    from sessions
    group by source

)

select * from bounds
