with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'predictions'
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

-- the last quarter: tastes move, and older days would only be carried along
recent as (
    select
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
        user_item_days.purchase_quantity,
        user_item_days.purchase_amount,
        items.category,
        {{ interaction_weight('user_item_days') }} as weight,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    left join items on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
),

categories as (
    select
        as_of_date,
        user_key,
        category,
        sum(weight) as weight,
        sum(sum(weight)) over (partition by as_of_date, user_key) as weight_of_all,
    from recent
    where category is not null
    group by as_of_date, user_key, category
),

favourites as (
    select
        as_of_date,
        user_key,
        category as top_category,
        round(weight / nullif(weight_of_all, 0), 6) as top_category_share,
    from categories
    qualify row_number() over (partition by as_of_date, user_key order by weight desc, category) = 1
),

totals as (
    select
        as_of_date,
        user_key,
        cast(count(distinct item_id) as integer) as item_count_90d,
        cast(count(distinct category) as integer) as category_count_90d,
        round(cast(sum(purchase_amount) as double) / nullif(sum(purchase_quantity), 0), 6) as mean_item_price,
    from recent
    group by as_of_date, user_key
),

tastes as (
    select
        totals.*,
        favourites.top_category,
        favourites.top_category_share,
    from totals
    left join favourites on totals.as_of_date = favourites.as_of_date and totals.user_key = favourites.user_key
)

select * from tastes
