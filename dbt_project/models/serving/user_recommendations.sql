{% set k = var('k') %}

with

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

predicted as (
    select * from {{ ref('int_predicted_recommendations') }}
),

items as (
    select * from {{ ref('feat_items') }}
    where is_recommendable
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
    where as_of_date = {{ run_date() }}
),

fallbacks as (
    select * from {{ ref('int_fallback_recommendations') }}
),

candidates as (
    select
        predicted.user_key,
        predicted.item_id,
        predicted.place,
        predicted.score,
        predicted.reason,
        predicted.reason_item_id,
        0 as fallback_level,
        predicted.model_name,
        predicted.model_version,
    from predicted
    union all
    select
        user_key,
        item_id,
        place,
        score,
        reason,
        reason_item_id,
        fallback_level,
        cast(null as varchar) as model_name,
        cast(null as varchar) as model_version,
    from fallbacks
),

allowed as (
    select candidates.*
    from candidates
    semi join eligible on candidates.user_key = eligible.user_key
    semi join items on candidates.item_id = items.item_id
    anti join excluded_items
        on candidates.user_key = excluded_items.user_key and candidates.item_id = excluded_items.item_id
    qualify row_number() over (
        partition by candidates.user_key, candidates.item_id
        order by candidates.fallback_level, candidates.place
    ) = 1
),

ranked as (
    select
        *,
        row_number() over (partition by user_key order by fallback_level, place, item_id) as rank,
    from allowed
    qualify rank <= {{ k }}
),

recommendations as (
    select
        user_key,
        cast(rank as integer) as rank,
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
    from ranked
)

select * from recommendations
