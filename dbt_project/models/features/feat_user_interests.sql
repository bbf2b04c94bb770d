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

-- numbers in place of keys and texts: to group by them takes a third less. Given once, or no two readers would agree.
numbered_people as materialized (
    select
        *,
        cast(row_number() over () as integer) as number,
    from people
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where event_date > (select min(people.as_of_date) - 90 from people)
),

items as (
    select * from {{ ref('int_items_as_of') }}
    where category is not null or brand is not null
),

tastes as materialized (
    select
        category,
        brand,
        cast(row_number() over () as integer) as number,
    from items
    group by category, brand
),

numbered_items as (
    select
        items.as_of_date,
        items.item_id,
        tastes.number as taste_number,
    from items
    inner join tastes
        on items.category is not distinct from tastes.category and items.brand is not distinct from tastes.brand
),

-- the last quarter: tastes move, and older days would only be carried along
weighed as (
    select
        people.number as person_number,
        items.taste_number,
        sum({{ interaction_weight('user_item_days') }}) as weight,
        sum(user_item_days.purchase_quantity) as purchase_quantity,
        sum(user_item_days.purchase_amount) as purchase_amount,
    from numbered_people as people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    left join numbered_items as items
        on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    group by people.number, items.taste_number
),

interests as (
    select
        people.as_of_date,
        people.user_key,
        tastes.category,
        tastes.brand,
        cast(sum(weighed.weight) as bigint) as weight,
        cast(sum(weighed.purchase_quantity) as bigint) as purchase_quantity,
        cast(sum(weighed.purchase_amount) as decimal(18, 2)) as purchase_amount,
    from weighed
    inner join numbered_people as people on weighed.person_number = people.number
    left join tastes on weighed.taste_number = tastes.number
    group by people.as_of_date, people.user_key, tastes.category, tastes.brand
)

select * from interests
