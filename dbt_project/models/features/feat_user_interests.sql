with

-- a night that is run again writes few snapshots; what people come back to is told of everybody
people as (
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_snapshot_people') }}
    where as_of_date <> {{ run_date() }}
    union all
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where event_date > (select min(people.as_of_date) - 90 from people)
),

items as (
    select * from {{ ref('int_items_as_of') }}
    where category is not null or brand is not null
),

-- the last quarter: tastes move, and older days would only be carried along
interests as (
    select
        people.as_of_date,
        people.user_key,
        items.category,
        items.brand,
        cast(sum({{ interaction_weight('user_item_days') }}) as bigint) as weight,
        cast(sum(user_item_days.purchase_quantity) as bigint) as purchase_quantity,
        cast(sum(user_item_days.purchase_amount) as decimal(18, 2)) as purchase_amount,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    left join items on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    group by people.as_of_date, people.user_key, items.category, items.brand
)

select * from interests
