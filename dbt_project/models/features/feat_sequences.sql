{{ config(materialized='view') }}

{% set length = 50 %}

with

-- a day may be for recommendations and for predictions
people as (
    select distinct
        as_of_date,
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where view_count + cart_count + purchase_count > 0
),

visits as (
    select
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
        user_item_days.last_event_at as event_at,
        cast(people.as_of_date - user_item_days.event_date as integer) as age_days,
        case
            when user_item_days.purchase_count > 0 then 'order_completed'
            when user_item_days.cart_count > 0 then 'product_added'
            else 'product_viewed'
        end as event_type,
        row_number() over (
            partition by people.as_of_date, people.user_key
            order by user_item_days.last_event_at desc, user_item_days.item_id, people.visitor_key
        ) as rank,
    from people
    inner join user_item_days
        on people.visitor_key = user_item_days.visitor_key and people.as_of_date >= user_item_days.event_date
    -- one more than is kept, which the gap of the last one is measured from
    qualify rank <= {{ length }} + 1
),

followed as (
    select
        as_of_date,
        user_key,
        cast(rank as integer) as rank,
        item_id,
        event_type,
        event_at,
        age_days,
        lead(event_at) over (partition by as_of_date, user_key order by rank) as previous_event_at,
    from visits
),

sequences as (
    select
        * exclude (previous_event_at),
        cast(date_diff('second', previous_event_at, event_at) as bigint) as gap_seconds,
    from followed
    where rank <= {{ length }}
)

select * from sequences
