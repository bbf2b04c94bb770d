-- The last quarter: tastes move, and older days would only be carried along.
{% set days = 90 %}
{% set sums %}
        sum({{ interaction_weight('user_item_days') }}) as weight,
        sum(user_item_days.purchase_quantity) as purchase_quantity,
        sum(user_item_days.purchase_amount) as purchase_amount,
{%- endset %}

with

-- what people come back to is told of everybody, also by a night that is run again and writes few snapshots
people_today as (
    select
        user_key,
        visitor_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

people_before as (
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_snapshot_people') }}
    where as_of_date <> {{ run_date() }} and visitor_key is not null
),

user_item_days as not materialized (
    select * from {{ ref('fct_user_item_days') }}
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

-- visitors are summed first and matched with people afterwards, which takes half of the time
visitor_interests as (
    select
        user_item_days.visitor_key,
        items.taste_number,
        {{ sums }}
    from user_item_days
    left join numbered_items as items
        on user_item_days.item_id = items.item_id and items.as_of_date = {{ run_date() }}
    where user_item_days.event_date <= {{ run_date() }} and user_item_days.event_date > {{ run_date() }} - {{ days }}
    group by user_item_days.visitor_key, items.taste_number
),

weighed as (
    select
        {{ run_date() }} as as_of_date,
        people_today.user_key,
        visitor_interests.* exclude (visitor_key), -- noqa: RF02
    from people_today
    inner join visitor_interests on people_today.visitor_key = visitor_interests.visitor_key
    union all
    select
        people.as_of_date,
        people.user_key,
        items.taste_number,
        {{ sums }}
    from people_before as people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - {{ days }} < user_item_days.event_date
    left join numbered_items as items
        on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    where user_item_days.event_date > (select min(earlier.as_of_date) - {{ days }} from people_before as earlier)
    group by people.as_of_date, people.user_key, items.taste_number
),

interests as (
    select
        weighed.as_of_date,
        weighed.user_key,
        tastes.category,
        tastes.brand,
        cast(sum(weighed.weight) as bigint) as weight,
        cast(sum(weighed.purchase_quantity) as bigint) as purchase_quantity,
        cast(sum(weighed.purchase_amount) as decimal(18, 2)) as purchase_amount,
    from weighed
    left join tastes on weighed.taste_number = tastes.number
    group by weighed.as_of_date, weighed.user_key, tastes.category, tastes.brand
)

select * from interests
