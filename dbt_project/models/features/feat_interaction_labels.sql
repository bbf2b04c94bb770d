with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations' and as_of_date < {{ run_date() }}
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where purchase_count > 0
),

recommendable_items as (
    select * from {{ ref('recommendable_items') }}
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
),

purchases as (
    select distinct
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date < user_item_days.event_date
            and people.as_of_date + {{ var('holdout_days') }} >= user_item_days.event_date
),

-- what the published table could not have shown is nothing that a model can be blamed for
labels as (
    select purchases.*
    from purchases
    semi join recommendable_items
        on purchases.as_of_date = recommendable_items.as_of_date and purchases.item_id = recommendable_items.item_id
    anti join excluded_items
        on
            purchases.as_of_date = excluded_items.as_of_date
            and purchases.user_key = excluded_items.user_key
            and purchases.item_id = excluded_items.item_id
)

select * from labels
