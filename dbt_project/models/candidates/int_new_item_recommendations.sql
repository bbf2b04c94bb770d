{# of a wide category, the best of each narrow one first: each person is matched with all of them #}
{% set items_per_category = 100 %}

with

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

tastes as (
    select
        user_key,
        top_category,
        split_part(top_category, ' > ', 1) as wide_category,
        top_brand,
    from {{ ref('feat_user_snapshots') }}
    where as_of_date = {{ run_date() }} and top_category is not null
),

first_deliveries as (
    select
        item_id,
        min(valid_from) as first_date,
        min(min(valid_from)) over () as catalogue_since,
    from {{ ref('dim_item_history') }}
    group by item_id
),

-- what came with the first catalogue is not new, only first heard of
new_items as (
    select
        items.item_id,
        items.category,
        items.brand,
        items.popularity_rank,
        split_part(items.category, ' > ', 1) as wide_category,
        row_number() over (partition by items.category order by items.popularity_rank) as rank_in_category,
    from {{ ref('int_popular_items') }} as items
    inner join first_deliveries on items.item_id = first_deliveries.item_id
    where
        first_deliveries.first_date > first_deliveries.catalogue_since
        and first_deliveries.first_date > {{ run_date() }} - {{ var('new_item_days') }}
),

best_new_items as (
    select * from new_items
    qualify row_number() over (
        partition by wide_category order by rank_in_category, popularity_rank
    ) <= {{ items_per_category }}
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
    where as_of_date = {{ run_date() }}
),

shown as (
    select * from {{ ref('int_predicted_recommendations') }}
    where place <= {{ var('k') }}
),

matching as (
    select
        tastes.user_key,
        best_new_items.item_id,
        row_number() over (
            partition by tastes.user_key
            order by
                best_new_items.category = tastes.top_category desc,
                coalesce(best_new_items.brand = tastes.top_brand, false) desc,
                best_new_items.popularity_rank
        ) as place,
    from tastes
    semi join eligible on tastes.user_key = eligible.user_key
    inner join best_new_items on tastes.wide_category = best_new_items.wide_category
    anti join excluded_items
        on tastes.user_key = excluded_items.user_key and best_new_items.item_id = excluded_items.item_id
    -- what the model itself shows needs no place kept for it
    anti join shown on tastes.user_key = shown.user_key and best_new_items.item_id = shown.item_id
    qualify place <= {{ var('new_items_per_list') }}
),

recommendations as (
    select
        user_key,
        item_id,
        place,
        round(1 / place, 6) as score,
        'new_in_category' as reason,
        cast(null as varchar) as reason_item_id,
        4 as fallback_level,
    from matching
)

select * from recommendations
