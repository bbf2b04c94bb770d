{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_events') %}
{% set events = ref('fct_events') %}

{% if is_incremental() %}

    with

    orders as (
        select {{ order_key() }} as order_key
        from {{ touched }}
        where event_type in ('order_completed', 'order_refunded')
        union
        select order_key
        from {{ events }}
        where build_number = {{ var('build_number') }} and event_type in ('order_completed', 'order_refunded')
    )

    select * from orders
    where order_key is not null

{% else %}

    select cast(null as varchar) as order_key
    where false

{% endif %}
