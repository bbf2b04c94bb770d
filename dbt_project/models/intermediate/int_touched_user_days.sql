{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_events') %}
{% set events = ref('int_events_sessionize') %}
{% set touched_orders = ref('int_touched_orders') %}
{% set order_refunds = ref('int_orders_refund') %}

{% if is_incremental() %}

    with

    changed as (
        select
            actor_key,
            event_date,
        from {{ touched }}
        where is_activity
        union
        select
            actor_key,
            event_date,
        from {{ events }}
        where build_number = {{ var('build_number') }} and is_activity
        -- another line of an order changes what an earlier refund of the whole of it was of
        union
        select
            refunds.actor_key,
            refunds.event_date,
        from {{ order_refunds }} as refunds
        semi join {{ touched_orders }} as orders on refunds.order_key = orders.order_key
    ),

    user_days as (
        select
            actor_key as visitor_key,
            event_date,
        from changed
        where actor_key is not null
    )

    select * from user_days

{% else %}

    select
        cast(null as uuid) as visitor_key,
        cast(null as date) as event_date,
    where false

{% endif %}
