-- One row per conversion, touch and model: the touch's share of the conversion.
with

touches as (

    select * from {{ ref('int_touchpoints') }}

),

channels as (

    select * from {{ ref('int_channel_removal_effects') }}

),

measured as (

    select
        touches.*,
        touches.touch_number = touches.touch_count as is_last,
        unix_micros(touches.converted_at) - unix_micros(touches.touched_at)
            as age_micros,
        -- so that channels without any effect share alike
        coalesce(channels.removal_effect, 0) + 1e-9 as removal_effect
    from touches
    left join channels using (source, channel_group)

),

weighted as (

    select
        *,
        stack(
            7,
            'first', if(touch_number = 1, 1D, 0D),
            'last', if(is_last, 1D, 0D),
            'linear', 1D,
            'position',
            case
                when touch_count <= 2 then 1D
                when touch_number = 1 or is_last then 0.4D
                else 0.2D / (touch_count - 2)
            end,
            'time_decay', pow(2D, -coalesce(age_micros, 0) / (7D * 86400000000)),
            'markov', removal_effect / channel_touch_count,
            'shapley', 1D / channel_touch_count
        ) as (model, weight)
    from measured

),

-- Decimals sum to the same in whatever order they are read.
exact as (

    select
        * except (weight),
        cast(weight as decimal(18, 15)) as weight
    from weighted

),

-- Shares are differences of rounded running sums, so that they sum to the whole.
running as (

    select
        *,
        double(sum(weight) over so_far) / double(sum(weight) over whole) as share_to,
        double(-weight + sum(weight) over so_far) / double(sum(weight) over whole)
            as share_from
    from exact
    window
        whole as (partition by source, model, conversion_id),
        so_far as (partition by source, model, conversion_id order by touch_number)

),

final as (

    select
        conversion_id,
        customer_id,
        session_id,
        source,
        model,
        channel_group,
        campaign_name,
        touch_number,
        touch_count,
        cast(share_to as decimal(9, 8)) - cast(share_from as decimal(9, 8)) as credit,
        cast(net_revenue * share_to as decimal(27, 4))
        - cast(net_revenue * share_from as decimal(27, 4)) as net_revenue,
        date(converted_at) as converted_date,
        converted_at,
        touched_at
    from running

)

select * from final
