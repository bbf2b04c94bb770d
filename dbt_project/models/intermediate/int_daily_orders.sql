{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_order_lines', 'by': ['event_date'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_order_lines') %}

with

order_lines as (
    select
        event_date,
        {{ metric('orders') }} as orders,
        {{ metric('revenue') }} as revenue,
        {{ metric('refunds') }} as refunds,
        {{ metric('unmatched_refunds') }} as unmatched_refunds,
    from {{ ref('fct_order_items') }}
    {% if is_incremental() %}
        where {{ on_days('event_date', 'select distinct event_date from ' ~ touched) }}
    {% endif %}
    group by event_date
)

select * from order_lines
order by event_date
