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
),

visitor_item_days as (
    select
        item_id,
        event_date,
        bool_or(event_type in ('product_viewed', 'product_clicked')) as is_viewer,
        bool_or(event_type = 'order_completed') as is_buyer,
    from events
    where actor_key is not null
    group by item_id, event_date, actor_key
),

reach as (
    select
        item_id,
        event_date,
        count(*) as visitor_count,
        count(*) filter (where is_viewer) as viewer_count,
        count(*) filter (where is_viewer and is_buyer) as buying_viewer_count,
    from visitor_item_days
    group by item_id, event_date
),

reached as (
    select
        item_days.*,
        coalesce(reach.visitor_count, 0) as visitor_count,
        coalesce(reach.viewer_count, 0) as viewer_count,
        coalesce(reach.buying_viewer_count, 0) as buying_viewer_count,
    from item_days
    left join reach on item_days.item_id = reach.item_id and item_days.event_date = reach.event_date
)

select * from reached
order by event_date
