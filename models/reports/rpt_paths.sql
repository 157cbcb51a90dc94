-- One row per source and rank of a path, the first pages of sessions of humans.
{% set length = var('path_pages') -%}
with

sessions as (

    select
        *,
        -- A page opened twice in a row is one step of the path.
        filter(
            page_sequence,
            (page, n) -> page is distinct from get(page_sequence, n - 1)
        ) as steps
    from {{ ref('fct_sessions') }}
    where not is_bot and not has_future_date and size(page_sequence) > 0

),

paths as (

    select
        source,
        concat_ws(' > ', slice(steps, 1, {{ length }}), if(
            size(steps) > {{ length }}, '...', null
        )) as page_path,
        count(*) as sessions,
        count_if(is_conversion) as conversions,
        avg(int(is_conversion)) as conversion_rate,
        percentile(duration_seconds, 0.5) as median_duration_seconds
    from sessions
    group by source, page_path

),

final as (

    select
        source,
        row_number() over (
            partition by source order by sessions desc, page_path asc
        ) as path_rank,
        page_path,
        sessions,
        conversions,
        {{ safe_divide('sessions', 'sum(sessions) over (partition by source)') }}
            as session_share,
        conversion_rate,
        median_duration_seconds
    from paths
    qualify path_rank <= {{ var('top_paths') }}

)

select * from final
