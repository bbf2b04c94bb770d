{{ config(materialized='incremental', incremental_strategy='replace') }}

-- Added up night by night: what came since the last night enters each window, and the days that a window has passed
-- leave it, five days to be read instead of 365.
{% set items = ref('int_item_categories') %}
{% set amended = ref('int_amended_user_item_days') %}
{% set windows = [7, 30, 90, 365] %}

with

items as (
    select * from {{ items }}
),

user_item_days as not materialized (
    select
        visitor_key,
        item_id,
        event_date,
        view_count,
        cart_count,
        purchase_count,
        purchase_amount,
    from {{ ref('fct_user_item_days') }}
    where {{ has_category_targets() }}
),

{% if is_incremental() %}

    -- a last day that is no more leaves the one before it to be found, which no sum can
    visitors_anew as (
        select visitor_key from {{ amended }}
        group by visitor_key, item_id, event_date
        having
            sum(row_count) < 0
            or sum(row_count * cart_count) < 0
            or sum(row_count * purchase_count) < 0
        union
        select user_item_days.visitor_key
        from {{ ref('fct_user_item_days') }} as user_item_days
        inner join items on user_item_days.item_id = items.item_id
        -- with the days that leave tonight, which were counted by the category before
        where items.is_category_changed and user_item_days.event_date > {{ last_night_date() }} - 365
    ),

    held as (
        select held.* exclude (as_of_date) -- noqa: RF02
        from {{ this }} as held
        anti join visitors_anew on held.visitor_key = visitors_anew.visitor_key
    ),

    rows_to_add as (
        select
            user_item_days.*,
            {{ counts_in_windows(moved_in_window, 'user_item_days.event_date', windows) }}
        from user_item_days
        anti join visitors_anew on user_item_days.visitor_key = visitors_anew.visitor_key
        where {{ on_days('user_item_days.event_date', moved_days(windows)) }}
        union all
        select
            amended.* exclude (row_count), -- noqa: RF02
            {{ counts_in_windows(in_last_window, 'amended.event_date', windows, times='amended.row_count') }}
        from {{ amended }} as amended
        anti join visitors_anew on amended.visitor_key = visitors_anew.visitor_key
        where {{ has_category_targets() }} and {{ in_last_window('amended.event_date', 365) }} = 1
        union all
        select
            user_item_days.*,
            {{ counts_in_windows(in_window, 'user_item_days.event_date', windows) }}
        from user_item_days
        semi join visitors_anew on user_item_days.visitor_key = visitors_anew.visitor_key
        where user_item_days.event_date > {{ run_date() }} - 365
    ),

{% else %}

    rows_to_add as (
        select
            user_item_days.*,
            {{ counts_in_windows(in_window, 'user_item_days.event_date', windows) }}
        from user_item_days
        where user_item_days.event_date > {{ run_date() }} - 365
    ),

{% endif %}

of_categories as (
    select
        rows_to_add.*,
        items.category,
    from rows_to_add
    inner join items on rows_to_add.item_id = items.item_id
    where items.category is not null
),

added as (
    select
        visitor_key,
        category,
        {{ category_sums() }}
    from of_categories
    group by visitor_key, category
),

parts as (
    select * from added
    {% if is_incremental() %}
        union all by name
        select * from held
    {% endif %}
),

totals as (
    select
        visitor_key,
        category,
        {{ category_totals() }}
    from parts
    group by visitor_key, category
),

visitor_categories as (
    select
        {{ run_date() }} as as_of_date,
        * replace (
            case when last_cart_date > {{ run_date() }} - 365 then last_cart_date end as last_cart_date,
            case when last_purchase_date > {{ run_date() }} - 365 then last_purchase_date end as last_purchase_date
        ),
    from totals
    where row_count_365d > 0
)

select * from visitor_categories
