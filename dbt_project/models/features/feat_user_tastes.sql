with

people as (
    select * from {{ ref('int_snapshot_people') }}
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
        sum({{ interaction_weight('user_item_days') }}) as weight,
        sum(user_item_days.purchase_quantity) as purchase_quantity,
        sum(user_item_days.purchase_amount) as purchase_amount,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - 90 < user_item_days.event_date
    group by people.as_of_date, people.user_key, user_item_days.item_id
),

described as (
    select
        recent.*,
        items.category,
        items.brand,
    from recent
    left join items on recent.as_of_date = items.as_of_date and recent.item_id = items.item_id
),

totals as (
    select
        as_of_date,
        user_key,
        cast(count(*) as integer) as item_count_90d,
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
        totals.*,
        category_tastes.top_category,
        category_tastes.top_category_share,
        category_tastes.category_concentration,
        brand_tastes.top_brand,
        brand_tastes.top_brand_share,
        brand_tastes.brand_concentration,
        coalesce(category_tastes.category_count_90d, 0) as category_count_90d,
        coalesce(brand_tastes.brand_count_90d, 0) as brand_count_90d,
    from totals
    left join category_tastes
        on totals.as_of_date = category_tastes.as_of_date and totals.user_key = category_tastes.user_key
    left join brand_tastes on totals.as_of_date = brand_tastes.as_of_date and totals.user_key = brand_tastes.user_key
)

select * from tastes
