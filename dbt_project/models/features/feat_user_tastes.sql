with

people as (
    select
        *,
        count(*) over (partition by as_of_date, user_key) = 1 and count(*) over (partition by user_key) > 1
            as is_counted_by_day,
    from {{ ref('int_snapshot_people') }}
),

user_item_days as not materialized (
    select * from {{ ref('fct_user_item_days') }}
    where event_date > (select min(people.as_of_date) - 90 from people)
),

counted_by_day as (
    select distinct visitor_key from people
    where is_counted_by_day
),

-- many as-of days' items are counted on the last day of each: then none need be told apart from all others. Of the one
-- as-of day of most nights that costs more than it saves, and the days of several visitors say nothing of each other.
last_days as (
    select
        user_item_days.visitor_key,
        user_item_days.item_id,
        user_item_days.event_date,
        lead(user_item_days.event_date) over (
            partition by user_item_days.visitor_key, user_item_days.item_id order by user_item_days.event_date
        ) as next_date,
    from user_item_days
    semi join counted_by_day on user_item_days.visitor_key = counted_by_day.visitor_key
),

item_counts as (
    select
        people.as_of_date,
        people.user_key,
        count(*) as item_count,
    from people
    inner join last_days
        on
            people.visitor_key = last_days.visitor_key
            and people.as_of_date >= last_days.event_date
            and people.as_of_date - 90 < last_days.event_date
            and people.as_of_date < coalesce(last_days.next_date, date 'infinity')
    where people.is_counted_by_day
    group by people.as_of_date, people.user_key
    union all
    select
        people.as_of_date,
        people.user_key,
        count(distinct user_item_days.item_id) as item_count,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    where not people.is_counted_by_day
    group by people.as_of_date, people.user_key
),

items as (
    select * from {{ ref('int_items_as_of') }}
    where as_of_date in (select people.as_of_date from people)
),

-- the last quarter: tastes move, and older days would only be carried along
described as (
    select
        people.as_of_date,
        people.user_key,
        items.category,
        items.brand,
        sum({{ interaction_weight('user_item_days') }}) as weight,
        sum(user_item_days.purchase_quantity) as purchase_quantity,
        sum(user_item_days.purchase_amount) as purchase_amount,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    left join items on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    group by people.as_of_date, people.user_key, items.category, items.brand
),

people_items as (
    select
        as_of_date,
        user_key,
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
        cast(item_counts.item_count as integer) as item_count_90d,
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
    inner join item_counts
        on people_items.as_of_date = item_counts.as_of_date and people_items.user_key = item_counts.user_key
    left join category_tastes
        on people_items.as_of_date = category_tastes.as_of_date and people_items.user_key = category_tastes.user_key
    left join brand_tastes
        on people_items.as_of_date = brand_tastes.as_of_date and people_items.user_key = brand_tastes.user_key
)

select * from tastes
