with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where purchase_count > 0
),

excluded as (
    select distinct
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
        'bought_recently' as reason,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - {{ var('exclude_bought_within_days') }} < user_item_days.event_date
)

select * from excluded
