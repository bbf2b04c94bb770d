{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_orders', 'by': ['order_key']}}
) }}

{% set touched = ref('int_touched_orders') %}
{% set touched_lines = ref('int_touched_order_lines') %}

with

order_items as (
    select order_items.* from {{ ref('fct_order_items') }} as order_items
    {% if is_incremental() %}
        semi join {{ touched }} as touched on order_items.order_key = touched.order_key
        where {{ on_days('order_items.event_date', 'select distinct event_date from ' ~ touched_lines) }}
    {% endif %}
),

ordered as (
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
),

refunds as (
    select
        order_key,
        count(*) as line_count,
        coalesce(sum(line_amount), 0) as amount,
        max(event_date) as last_date,
    from order_items
    where is_refund
    group by order_key
),

orders as (
    select
        ordered.*,
        coalesce(refunds.line_count, 0) as refund_line_count,
        cast(coalesce(refunds.amount, 0) as decimal(18, 2)) as refunded_amount,
        cast(ordered.order_amount - coalesce(refunds.amount, 0) as decimal(18, 2)) as net_amount,
        refunds.last_date as last_refund_date,
    from ordered
    left join refunds on ordered.order_key = refunds.order_key
)

select * from orders
