with

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

predicted as (
    select * from {{ ref('int_predicted_recommendations') }}
),

items as (
    select * from {{ ref('int_popular_items') }}
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
    where as_of_date = {{ run_date() }}
),

fallbacks as (
    select * from {{ ref('int_fallback_recommendations') }}
),

new_items as (
    select * from {{ ref('int_new_item_recommendations') }}
),

candidates as (
    select
        predicted.*,
        0 as fallback_level,
    from predicted
    union all by name
    select * from fallbacks
    union all by name
    select * from new_items
),

-- new items choose first, since a place is kept for them, and stand last
allowed as (
    select
        candidates.*,
        items.category,
        items.brand,
        candidates.fallback_level < 4 as is_for_any_place,
    from candidates
    semi join eligible on candidates.user_key = eligible.user_key
    inner join items on candidates.item_id = items.item_id
    anti join excluded_items
        on candidates.user_key = excluded_items.user_key and candidates.item_id = excluded_items.item_id
    qualify row_number() over (
        partition by candidates.user_key, candidates.item_id
        order by is_for_any_place, candidates.fallback_level, candidates.place
    ) = 1
),

chosen as (
    {{ first_within_caps('allowed', 'user_key', 'is_for_any_place, fallback_level, place, item_id') }}
),

recommendations as (
    select
        user_key,
        cast(row_number() over (partition by user_key order by fallback_level, place, item_id) as integer) as rank,
        item_id,
        score,
        reason,
        reason_item_id,
        cast(fallback_level as integer) as fallback_level,
        md5(concat_ws('|', cast(user_key as varchar), item_id, '{{ var("run_date") }}')) as recommendation_id,
        {{ treatment('user_key') }} as treatment,
        model_name,
        model_version,
        {{ run_date() }} as run_date,
    from chosen
)

select * from recommendations
