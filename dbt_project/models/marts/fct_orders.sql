{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_orders', 'by': ['order_key']}}
) }}

{% set touched = ref('int_touched_orders') %}

with

order_items as (
    select order_items.* from {{ ref('fct_order_items') }} as order_items
    {% if is_incremental() %}
        semi join {{ touched }} as touched on order_items.order_key = touched.order_key
    {% endif %}
),

orders as (
    select
        order_key,
        any_value(order_id) as order_id,
        arg_min(visitor_key, (event_at, event_id)) as visitor_key,
        min(event_at) as ordered_at,
        min(event_date) as order_date,
        count(*) as line_count,
        count(distinct item_id) as item_count,
        cast(sum(quantity) as bigint) as quantity,
        cast(coalesce(sum(line_amount), 0) as decimal(18, 2)) as order_amount,
        bool_or(line_amount is null) as has_unknown_amount,
    from order_items
    where not is_refund
    group by order_key
)

select * from orders
