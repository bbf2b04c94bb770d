{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_user_days') %}

{% if is_incremental() %}

    select
        held.visitor_key,
        held.item_id,
        held.event_date,
        held.view_count,
        held.cart_count,
        held.purchase_count,
        held.purchase_amount,
    from {{ last_night('fct_user_item_days') }} as held
    semi join {{ touched }} as touched
        on held.visitor_key = touched.visitor_key and held.event_date = touched.event_date
    where {{ on_days('held.event_date', 'select distinct event_date from ' ~ touched) }}

{% else %}

    select
        cast(null as uuid) as visitor_key,
        cast(null as varchar) as item_id,
        cast(null as date) as event_date,
        cast(null as bigint) as view_count,
        cast(null as bigint) as cart_count,
        cast(null as bigint) as purchase_count,
        cast(null as decimal(18, 2)) as purchase_amount,
    where false

{% endif %}
