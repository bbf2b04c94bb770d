{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_user_days', 'by': ['visitor_key', 'event_date'], 'day': 'event_date', 'within_day': 'visitor_key'}}
) }}

{% set touched = ref('int_touched_user_days') %}
-- depends_on: {{ ref('int_replaced_user_item_days') }}, which keeps what is replaced here

with

events as (
    select events.* from {{ ref('fct_events') }} as events
    {% if is_incremental() %}
        semi join {{ touched }} as touched
            on events.actor_key = touched.visitor_key and events.event_date = touched.event_date
    {% endif %}
    where
        events.actor_key is not null
        and events.item_id is not null
        and events.is_activity
        {% if is_incremental() %}
            and {{ on_days('events.event_date', 'select distinct event_date from ' ~ touched) }}
        {% endif %}
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
order by event_date, visitor_key
