{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_events', 'by': ['event_id'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_events') %}

with

events as (
    select * from {{ ref('fct_events') }}
),

lines as (
    select
        event_id,
        order_key,
        order_id,
        item_id,
        actor_key,
        currency,
        quantity,
        price,
        line_amount,
        event_at,
        event_date,
        event_type = 'order_refunded' as is_refund,
        build_number,
    from events
    where
        event_type in ('order_completed', 'order_refunded')
        {% if is_incremental() %}
            and build_number = {{ var('build_number') }}
        {% endif %}
)

select * from lines
order by event_date
