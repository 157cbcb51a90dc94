-- One row per source, as-of date, and RFM segment before and on that date.
with

customers as (

    select * from {{ ref('fct_customer_segments') }}

),

final as (

    select
        source,
        coalesce(previous_rfm_segment, '(entered)') as from_segment,
        rfm_segment as to_segment,
        segment_move,
        count(*) as customers,
        {{ money('sum(revenue)') }} as revenue,
        is_latest,
        as_of_date
    from customers
    group by
        source, previous_rfm_segment, rfm_segment, segment_move, is_latest, as_of_date

)

select * from final
