-- A pair of scores that the seed forgets would leave customers without a segment.
with

scores as (

    select explode(sequence(1, 5)) as score

)

select
    recency.score as recency_score,
    worth.score as value_score
from scores as recency
cross join scores as worth
left anti join {{ ref('rfm_segments') }} as segments
    on recency.score = segments.recency_score and worth.score = segments.value_score
