{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_user_days') %}
{% set user_item_days = ref('fct_user_item_days') %}
{% set replaced = ref('int_replaced_user_item_days') %}

with

replaced as (
    select * from {{ replaced }}
),

{% if is_incremental() %}

    touched_days as (
        select * from {{ touched }}
        where event_date <= {{ last_night_date() }}
    ),

    written as (
        select
            user_item_days.visitor_key,
            user_item_days.item_id,
            user_item_days.event_date,
            user_item_days.view_count,
            user_item_days.cart_count,
            user_item_days.purchase_count,
            user_item_days.purchase_amount,
        from {{ user_item_days }} as user_item_days
        semi join touched_days
            on
                user_item_days.visitor_key = touched_days.visitor_key
                and user_item_days.event_date = touched_days.event_date
        where {{
            on_days(
                'user_item_days.event_date',
                'select distinct event_date from ' ~ touched ~ ' where event_date <= ' ~ last_night_date(),
            )
        }}
    ),

{% else %}

    written as (
        select * from replaced
        where false
    ),

{% endif %}

amended as (
    select
        *,
        1 as row_count,
    from written
    union all
    select
        *,
        -1 as row_count,
    from replaced
)

select * from amended
