-- One row per cart and moment at which it is looked at before it is bought.
{% set past = 'partition by source, actor_id order by occurred_at, event_id
            rows between unbounded preceding and 1 preceding' -%}
with

events as (

    select
        *,
        count_if(not is_of_open_cart) over ({{ past }}) as earlier_cart_count,
        count_if(is_purchase) over ({{ past }}) as earlier_purchase_count
    from {{ ref('int_events_carted') }}

),

sources as (

    select * from {{ ref('int_sources_browsed') }}

),

carts as (

    select
        source,
        person_id,
        cart_number,
        {{ earliest('event_id') }} as first_event_id,
        {{ earliest('actor_id') }} as actor_id,
        {{ earliest('earlier_cart_count') }} as earlier_cart_count,
        {{ earliest('earlier_purchase_count') }} as earlier_purchase_count,
        min(occurred_at) as opened_at,
        max(occurred_at) as last_event_at,
        min(occurred_at) filter (where is_purchase) as bought_at
    from events
    group by source, person_id, cart_number
    having not bool_or(is_bot)

),

-- Each cart at the same few ages, and once more when its source's data ends.
moments as (

    select
        carts.*,
        sources.browsed_until,
        explode(
            array_append(
                filter(
                    transform(
                        array({{ var('cart_ages_minutes') | join(', ') }}),
                        age -> carts.opened_at + make_dt_interval(0, 0, age)
                    ),
                    moment -> moment < sources.browsed_until
                ),
                sources.browsed_until
            )
        ) as moment_at
    from carts
    inner join sources on carts.source = sources.source

),

final as (

    select
        md5(concat_ws('\n', source, person_id, first_event_id)) as cart_id,
        person_id,
        actor_id,
        source,
        cart_number,
        coalesce(earlier_cart_count, 0) as earlier_cart_count,
        coalesce(earlier_purchase_count, 0) as earlier_purchase_count,
        moment_at = browsed_until as is_latest,
        if(
            moment_at + make_dt_interval(1) <= browsed_until,
            coalesce(bought_at <= moment_at + make_dt_interval(1), false),
            null
        ) as is_bought_next_day,
        opened_at,
        moment_at
    from moments
    where
        (bought_at is null or bought_at > moment_at)
        and (
            moment_at < browsed_until
            or last_event_at + {{ cart_abandoned_after() }} >= moment_at
        )

)

select * from final
