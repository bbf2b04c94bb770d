{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_days', 'by': ['event_date'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_days') %}

with

events as (
    select * from {{ ref('fct_events') }}
    where
        is_activity
        and item_id is not null
        {% if is_incremental() %}
            and {{ on_days('event_date', 'select event_date from ' ~ touched) }}
        {% endif %}
),

item_days as (
    select
        item_id,
        event_date,
        {{ count_events('product_viewed') }} as view_count,
        {{ count_events('product_added') }} as cart_count,
        {{ count_events('order_completed') }} as purchase_count,
        {{ count_events('order_refunded') }} as refund_count,
        count(distinct order_key) filter (where actor_key is null) as anonymous_order_count,
        cast(coalesce(sum(quantity) filter (where event_type = 'order_completed'), 0) as bigint) as purchase_quantity,
        cast(coalesce(sum(line_amount) filter (where event_type = 'order_completed'), 0) as decimal(18, 2))
            as purchase_amount,
        cast(median(price) filter (where event_type = 'order_completed' and line_amount is not null) as decimal(18, 4))
            as median_price,
    from events
    group by item_id, event_date
)

select * from item_days
order by event_date
