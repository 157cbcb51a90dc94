-- One row per customer with a session: how they first came, and with what they come.
with

sessions as (

    select * from {{ ref('fct_sessions') }}
    where customer_id is not null and not is_bot and not has_future_date

),

final as (

    select
        customer_id,
        source,
        -- the one most used; of several alike the first by name
        mode(device_type, true) as main_device_type,
        min_by(channel_group, struct(started_at, session_id)) filter (
            where channel_group != 'internal'
        ) as first_channel_group
    from sessions
    group by customer_id, source

)

select * from final
