{{ config(materialized='view') }}

with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
),

weighted as (
    select
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
        user_item_days.view_count,
        user_item_days.cart_count,
        user_item_days.purchase_count,
        user_item_days.event_date,
        user_item_days.last_event_at,
        -- decimal, since a sum of doubles depends on the order of its terms
        cast(
            {{ interaction_weight('user_item_days') }} * power(
                0.5, (people.as_of_date - user_item_days.event_date) / {{ var('half_life_days') }}
            ) as decimal(18, 9)
        ) as weight,
    from people
    inner join user_item_days
        on people.visitor_key = user_item_days.visitor_key and people.as_of_date >= user_item_days.event_date
),

summed as (
    select
        as_of_date,
        user_key,
        item_id,
        cast(sum(view_count) as integer) as view_count,
        cast(sum(cart_count) as integer) as cart_count,
        cast(sum(purchase_count) as integer) as purchase_count,
        cast(sum(weight) as double) as weight,
        max(event_date) as last_event_date,
        max(last_event_at) as last_event_at,
    from weighted
    group by as_of_date, user_key, item_id
),

interactions as (
    select
        *,
        case
            when purchase_count > 0 then 'order_completed'
            when cart_count > 0 then 'product_added'
            else 'product_viewed'
        end as last_event_type,
    from summed
    where weight > 0
)

select * from interactions
