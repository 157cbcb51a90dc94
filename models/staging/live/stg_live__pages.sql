-- One row per source, minute and page, of the most viewed in the minute.
with

minutes as (

    select * from {{ source('live', 'minutes_in_memory') }}

),

exploded as (

    select
        source,
        minute_at,
        explode(pages) as viewed
    from minutes

),

final as (

    select
        source,
        viewed.page,
        viewed.views,
        minute_at
    from exploded

)

select * from final
