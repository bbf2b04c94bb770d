with

predicted as (
    select * from {{ source('predictions', 'user_recommendations') }}
),

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

items as (
    select item_id from {{ ref('feat_items') }}
    where as_of_date = {{ run_date() }} and is_recommendable
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
    where as_of_date = {{ run_date() }}
),

allowed as (
    select
        predicted.user_key,
        predicted.item_id,
        predicted.rank as place,
        predicted.score,
        predicted.reason,
        predicted.reason_item_id,
        predicted.model_name,
        predicted.model_version,
    from predicted
    semi join eligible on predicted.user_key = eligible.user_key
    semi join items on predicted.item_id = items.item_id
    anti join excluded_items
        on predicted.user_key = excluded_items.user_key and predicted.item_id = excluded_items.item_id
)

select * from allowed
