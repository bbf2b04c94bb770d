{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_days', 'by': ['event_date'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_days') %}

with

order_items as (
    select * from {{ ref('fct_order_items') }}
    where
        not is_refund
        and item_id is not null
        {% if is_incremental() %}
            and {{ on_days('event_date', 'select event_date from ' ~ touched) }}
        {% endif %}
),

sale_days as (
    select
        item_id,
        event_date,
        cast(median(price) as decimal(18, 4)) as median_price,
    from order_items
    group by item_id, event_date
)

select * from sale_days
order by event_date
