-- One row per review, mention, ticket or issue report, with who and what it is about.
with

feedback as (

    select * from {{ ref('int_feedback_latest') }}

),

products as (

    select * from {{ ref('dim_products') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

known as (

    select
        feedback.*,
        products.product_id is not null as is_known_product,
        customers.customer_id is not null as is_known_customer
    from feedback
    left join products
        on
            feedback.source = products.source
            and feedback.product_id = products.product_id
    left join customers
        on
            feedback.source = customers.source
            and feedback.customer_id = customers.customer_id

),

{% if is_incremental() %}

    built as (

        select
            source,
            feedback_id,
            is_known_product,
            is_known_customer,
            landed_at
        from {{ this }}

    ),

{% endif %}

final as (

    select
        known.feedback_id,
        known.customer_id,
        known.visitor_id,
        known.product_id,
        known.order_id,
        known.feedback_kind,
        known.source,
        known.platform,
        known.brand,
        known.category,
        known.ticket_status,
        known.language,
        known.title,
        known.text,
        known.rating,
        known.event_count,
        known.is_recommended,
        known.is_verified,
        known.is_exact_duplicate,
        known.is_known_product,
        known.is_known_customer,
        {{ is_future('known.created_at', 'known.landed_at') }} as has_future_date,
        date(known.created_at) as created_date,
        known.created_at,
        known.updated_at,
        known.landed_at
    from known
    {% if is_incremental() %}
        -- What came since, and what it is about may have become known since.
        left join built using (source, feedback_id)
        where
            built.landed_at is null
            or built.landed_at < known.landed_at
            or built.is_known_product != known.is_known_product
            or built.is_known_customer != known.is_known_customer
    {% endif %}

)

select * from final
