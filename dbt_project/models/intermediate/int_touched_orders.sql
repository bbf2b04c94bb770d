{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_events') %}
{% set events = ref('fct_events') %}

{% if is_incremental() %}

    with

    orders as (
        select {{ order_key() }} as order_key
        from {{ touched }}
        where event_type = 'order_completed'
        union
        select order_key
        from {{ events }}
        where build_number = {{ var('build_number') }} and event_type = 'order_completed'
    )

    select * from orders

{% else %}

    select cast(null as varchar) as order_key
    where false

{% endif %}
