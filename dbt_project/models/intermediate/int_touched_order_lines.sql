{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set orders = ref('int_touched_orders') %}
{% set events = ref('int_touched_events') %}
{% set order_lines = ref('int_order_lines') %}

{% if is_incremental() %}

    with

    lines as (
        select
            order_lines.event_id,
            order_lines.event_date,
        from {{ order_lines }} as order_lines
        semi join {{ orders }} as orders on order_lines.order_key = orders.order_key
        union
        -- a refund may name no order
        select
            event_id,
            event_date,
        from {{ order_lines }}
        where build_number = {{ var('build_number') }} and order_key is null
        union
        select
            event_id,
            event_date,
        from {{ events }}
        where event_type in ('order_completed', 'order_refunded')
    )

    select * from lines

{% else %}

    select
        cast(null as varchar) as event_id,
        cast(null as date) as event_date,
    where false

{% endif %}
