with

people as (
    select
        *,
        count(*) over (partition by as_of_date, user_key) = 1 as has_one_visitor,
    from {{ ref('int_snapshot_people') }}
),

-- counted once per as-of day on the last of its days, an item need not be told apart from all others
user_item_days as (
    select
        days.*,
        lead(days.event_date) over (partition by days.visitor_key, days.item_id order by days.event_date) as next_date,
    from {{ ref('fct_user_item_days') }} as days
    where
        days.event_date > (select min(people.as_of_date) - 90 from people)
        and days.visitor_key in (select people.visitor_key from people)
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

-- the last quarter: tastes move, and older days would only be carried along; read twice rather than kept, since each
-- day of an item is there once for every as-of day after it
recent as not materialized (
    select
        people.as_of_date,
        people.user_key,
        people.has_one_visitor,
        user_item_days.item_id,
        coalesce(user_item_days.next_date > people.as_of_date, true) as is_last_day_of_item,
        {{ interaction_weight('user_item_days') }} as weight,
        user_item_days.purchase_quantity,
        user_item_days.purchase_amount,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
),

described as (
    select
        recent.as_of_date,
        recent.user_key,
        items.category,
        items.brand,
        sum(recent.weight) as weight,
        sum(recent.purchase_quantity) as purchase_quantity,
        sum(recent.purchase_amount) as purchase_amount,
        count(*) filter (where recent.has_one_visitor and recent.is_last_day_of_item) as item_count,
    from recent
    left join items on recent.as_of_date = items.as_of_date and recent.item_id = items.item_id
    group by recent.as_of_date, recent.user_key, items.category, items.brand
),

-- the days of several visitors of one person say nothing of each other
shared_items as (
    select distinct
        as_of_date,
        user_key,
        item_id,
    from recent
    where not has_one_visitor
),

shared_item_counts as (
    select
        as_of_date,
        user_key,
        count(*) as item_count,
    from shared_items
    group by as_of_date, user_key
),

people_items as (
    select
        as_of_date,
        user_key,
        sum(item_count) as item_count,
        round(cast(sum(purchase_amount) as double) / nullif(sum(purchase_quantity), 0), 6) as mean_item_price,
    from described
    group by as_of_date, user_key
),

{% for name in ['category', 'brand'] %}
    {{ name }}_weights as (
        select
            as_of_date,
            user_key,
            {{ name }},
            sum(weight) as weight,
        from described
        where {{ name }} is not null
        group by as_of_date, user_key, {{ name }}
    ),

    {{ name }}_tastes as (
        select
            as_of_date,
            user_key,
            cast(count(*) as integer) as {{ name }}_count_90d,
            arg_min({{ name }}, (-weight, {{ name }})) as top_{{ name }},
            round(max(weight) / nullif(sum(weight), 0), 6) as top_{{ name }}_share,
            round(sum(weight * weight) / nullif(power(sum(weight), 2), 0), 6) as {{ name }}_concentration,
        from {{ name }}_weights
        group by as_of_date, user_key
    ),
{% endfor %}

tastes as (
    select
        people_items.as_of_date,
        people_items.user_key,
        cast(coalesce(shared_item_counts.item_count, people_items.item_count) as integer) as item_count_90d,
        people_items.mean_item_price,
        category_tastes.top_category,
        category_tastes.top_category_share,
        category_tastes.category_concentration,
        brand_tastes.top_brand,
        brand_tastes.top_brand_share,
        brand_tastes.brand_concentration,
        coalesce(category_tastes.category_count_90d, 0) as category_count_90d,
        coalesce(brand_tastes.brand_count_90d, 0) as brand_count_90d,
    from people_items
    left join shared_item_counts
        on
            people_items.as_of_date = shared_item_counts.as_of_date
            and people_items.user_key = shared_item_counts.user_key
    left join category_tastes
        on people_items.as_of_date = category_tastes.as_of_date and people_items.user_key = category_tastes.user_key
    left join brand_tastes
        on people_items.as_of_date = brand_tastes.as_of_date and people_items.user_key = brand_tastes.user_key
)

select * from tastes
