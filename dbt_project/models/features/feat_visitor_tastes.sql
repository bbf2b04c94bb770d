{{ config(materialized='incremental', incremental_strategy='replace') }}

-- Added up night by night, as feat_visitor_categories is: what came since the last night is added, and the day that the
-- quarter has passed is taken away. Visitors of items with another name are counted anew.
{% set items = ref('int_item_categories') %}
{% set amended = ref('int_amended_user_item_days') %}
{% set days = taste_days() | int %}

with

items as (
    select
        item_id,
        is_name_changed,
        {{ taste_key('category', 'category_path') }} as category_key,
        {{ taste_key('brand', 'brand') }} as brand_key,
    from {{ items }}
),

user_item_days as not materialized (
    select
        user_item_days.visitor_key,
        user_item_days.item_id,
        user_item_days.event_date,
        cast({{ interaction_weight('user_item_days') }} as integer) as weight,
    from {{ ref('fct_user_item_days') }} as user_item_days
),

{% if is_incremental() %}

    visitors_anew as (
        select amended.visitor_key
        from {{ amended }} as amended
        inner join items on amended.item_id = items.item_id
        where items.is_name_changed
        union
        select user_item_days.visitor_key
        from {{ ref('fct_user_item_days') }} as user_item_days
        inner join items on user_item_days.item_id = items.item_id
        -- with the day that leaves tonight, which was counted by the name before
        where items.is_name_changed and user_item_days.event_date > {{ last_night_date() }} - {{ days }}
    ),

    held as (
        select
            held.visitor_key,
            held.name_key,
            held.row_count_90d,
            held.weight_90d,
        from {{ this }} as held
        anti join visitors_anew on held.visitor_key = visitors_anew.visitor_key
    ),

    rows_to_add as (
        select
            user_item_days.*,
            {{ moved_in_window('user_item_days.event_date', days) }} as row_count,
        from user_item_days
        anti join visitors_anew on user_item_days.visitor_key = visitors_anew.visitor_key
        where {{ on_days('user_item_days.event_date', moved_days([days])) }}
        union all
        select
            amended.visitor_key,
            amended.item_id,
            amended.event_date,
            cast({{ interaction_weight('amended') }} as integer) as weight,
            amended.row_count,
        from {{ amended }} as amended
        anti join visitors_anew on amended.visitor_key = visitors_anew.visitor_key
        where {{ in_last_window('amended.event_date', days) }} = 1
        union all
        select
            user_item_days.*,
            1 as row_count,
        from user_item_days
        semi join visitors_anew on user_item_days.visitor_key = visitors_anew.visitor_key
        where user_item_days.event_date > {{ run_date() }} - {{ days }}
    ),

{% else %}

    rows_to_add as (
        select
            *,
            1 as row_count,
        from user_item_days
        where event_date > {{ run_date() }} - {{ days }}
    ),

{% endif %}

named as (
    select
        rows_to_add.visitor_key,
        rows_to_add.weight,
        rows_to_add.row_count,
        items.category_key,
        items.brand_key,
    from rows_to_add
    inner join items on rows_to_add.item_id = items.item_id
    where items.category_key is not null or items.brand_key is not null
),

added as (
    select
        visitor_key,
        coalesce(category_key, brand_key) as name_key,
        cast(sum(row_count) as integer) as row_count_90d,
        cast(sum(weight * row_count) as integer) as weight_90d,
    from named
    group by grouping sets ((visitor_key, category_key), (visitor_key, brand_key))
    having coalesce(category_key, brand_key) is not null
),

{% if is_incremental() %}

    -- joined rather than summed together: most of what is held stays as it is, and is then grouped by nothing
    totals as (
        select
            visitor_key,
            name_key,
            coalesce(held.row_count_90d, 0) + coalesce(added.row_count_90d, 0) as row_count_90d,
            coalesce(held.weight_90d, 0) + coalesce(added.weight_90d, 0) as weight_90d,
        from held
        full join added using (visitor_key, name_key)
    ),

{% else %}

    totals as (
        select * from added
    ),

{% endif %}

visitor_tastes as (
    select
        {{ run_date() }} as as_of_date,
        *,
    from totals
    where row_count_90d > 0
)

select * from visitor_tastes
