with

events as (
    select * from {{ ref('fct_events') }}
    where actor_key is not null and item_id is not null and is_activity
),

user_item_days as (
    select
        actor_key as visitor_key,
        item_id,
        event_date,
        count(*) filter (where event_type in ('product_viewed', 'product_clicked')) as view_count,
        count(*) filter (where event_type in ('product_added', 'wishlist_added')) as cart_count,
        {{ count_events('order_completed') }} as purchase_count,
        {{ count_events('order_refunded') }} as refund_count,
        {{ count_events('product_reviewed') }} as review_count,
        cast(coalesce(sum(quantity) filter (where event_type = 'order_completed'), 0) as bigint) as purchase_quantity,
        cast(coalesce(sum(line_amount) filter (where event_type = 'order_completed'), 0) as decimal(18, 2))
            as purchase_amount,
        max(event_at) as last_event_at,
    from events
    group by actor_key, item_id, event_date
)

select * from user_item_days
