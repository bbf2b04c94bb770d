with

persons as (
    select * from {{ ref('int_persons') }}
),

-- whoever a key is found to belong to by the run date has bought what its orders say, even if nobody knew on the day
people as (
    select distinct
        people.as_of_date,
        people.user_key,
        persons.user_key as person_key,
    from {{ ref('int_people_as_of') }} as people
    inner join persons on people.user_key = persons.visitor_key
    where people.purpose = 'recommendations' and people.as_of_date < {{ run_date() }}
),

days as (
    select distinct as_of_date from people
),

people_today as (
    select distinct user_key from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations' and as_of_date = {{ run_date() }}
),

-- nothing was known of them on the day; those of them who count on the run date are looked at
newcomers as (
    select
        days.as_of_date,
        people_today.user_key,
        people_today.user_key as person_key,
    from days
    cross join people_today
    anti join people on days.as_of_date = people.as_of_date and people_today.user_key = people.person_key
),

everybody as (
    select * from people
    union all
    select * from newcomers
),

-- each day lies in the window of one as-of day
person_items as (
    select distinct
        case
            when order_items.event_date > {{ recommendation_date(1) }} then {{ recommendation_date(1) }}
            else {{ recommendation_date(2) }}
        end as as_of_date,
        persons.user_key as person_key,
        order_items.item_id,
    from {{ ref('fct_order_items') }} as order_items
    inner join persons on order_items.visitor_key = persons.visitor_key
    where
        not order_items.is_refund
        and order_items.item_id is not null
        and order_items.event_date > {{ recommendation_date(2) }}
        and order_items.event_date <= {{ run_date() }}
),

recommendable_items as (
    select * from {{ ref('recommendable_items') }}
),

exclusions as (
    select * from {{ ref('feat_exclusions') }}
    where as_of_date < {{ run_date() }}
),

purchases as (
    select
        everybody.as_of_date,
        everybody.user_key,
        person_items.item_id,
    from everybody
    inner join person_items
        on everybody.as_of_date = person_items.as_of_date and everybody.person_key = person_items.person_key
),

-- what the published table could not have shown is nothing that a model can be blamed for
labels as (
    select purchases.*
    from purchases
    semi join recommendable_items
        on purchases.as_of_date = recommendable_items.as_of_date and purchases.item_id = recommendable_items.item_id
    anti join exclusions
        on
            purchases.as_of_date = exclusions.as_of_date
            and purchases.user_key = exclusions.user_key
            and purchases.item_id = exclusions.item_id
)

select * from labels
