-- One row per channel: the share of conversions that would be gone without it.
with

moves as (

    select * from {{ ref('int_channel_transitions') }}

),

chains as (

    select
        source,
        array_sort(
            collect_set(from_channel) filter (where from_channel != '(start)')
        ) as channels,
        map_from_entries(
            collect_list(struct(concat(from_channel, '>', to_channel), move_share))
        ) as chances_of
    from moves
    group by source

),

-- Chances as arrays, in the order of the channels.
matrices as (

    select
        source,
        channels,
        transform(
            channels,
            c -> coalesce(try_element_at(chances_of, concat('(start)>', c)), 0D)
        ) as first_chances,
        transform(
            channels,
            c -> coalesce(try_element_at(chances_of, concat(c, '>(conversion)')), 0D)
        ) as ends,
        transform(channels, c -> transform(
            channels, d -> coalesce(try_element_at(chances_of, concat(c, '>', d)), 0D)
        )) as steps
    from chains

),

removals as (

    select
        *,
        explode(array_append(channels, '(none)')) as removed
    from matrices

),

-- The chance that a visitor converts in the end, by what follows: a hundred steps on.
chances as (

    select
        source,
        removed,
        {{ dot_product('first_chances', "aggregate(
            sequence(1, 100),
            transform(channels, c -> 0D),
            (chance, step) -> transform(channels, (c, i) -> if(
                c = removed, 0D, ends[i] + " ~ dot_product('steps[i]', 'chance') ~ "
            ))
        )") }} as conversion_chance
    from removals

),

final as (

    select
        source,
        removed as channel_group,
        1 - {{ safe_divide(
            'conversion_chance',
            "max(if(removed = '(none)', conversion_chance, null)) over (
                partition by source
            )"
        ) }} as removal_effect
    from chances
    qualify removed != '(none)'

)

select * from final
