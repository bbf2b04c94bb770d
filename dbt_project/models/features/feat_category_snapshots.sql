{# past days that a category target learns from: a night writes a row per person and category of each #}
{% set horizons = "cast(" ~ var('category_horizons_days') ~ " as integer[])" %}
{% set most_categories = 12 %}

with

-- nothing is written where no target is about categories
people as (
    select
        as_of_date,
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
    where
        purpose = 'predictions'
        and as_of_date >= {{ run_date() }} - (8 * 7 + 2 * coalesce(list_max({{ horizons }}), 0))
        and len({{ horizons }}) > 0
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
),

items as (
    select
        as_of_date,
        item_id,
        nullif(split_part(category, ' > ', 1), '') as category,
    from {{ ref('int_items_as_of') }}
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
),

days as (
    select
        people.as_of_date,
        people.user_key,
        items.category,
        people.as_of_date - user_item_days.event_date as age_days,
        user_item_days.view_count,
        user_item_days.cart_count,
        user_item_days.purchase_count,
        user_item_days.purchase_amount,
    from people
    inner join user_item_days
        on people.visitor_key = user_item_days.visitor_key and people.as_of_date >= user_item_days.event_date
    inner join items on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    where items.category is not null and user_item_days.event_date > people.as_of_date - 365
),

behaviour as (
    select
        as_of_date,
        user_key,
        category,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for span in [7, 30, 90] -%}
                cast(coalesce(sum({{ name }}_count) filter (where age_days < {{ span }}), 0) as integer)
                    as category_{{ name }}_count_{{ span }}d,
            {% endfor -%}
        {% endfor -%}
        cast(sum(purchase_count) as integer) as category_purchase_count_365d,
        cast(sum(purchase_amount) as decimal(18, 2)) as category_purchase_amount_365d,
        cast(min(age_days) as integer) as days_since_last_category_event,
        cast(min(age_days) filter (where cart_count > 0) as integer) as days_since_last_category_cart,
        cast(min(age_days) filter (where purchase_count > 0) as integer) as days_since_last_category_purchase,
    from days
    group by as_of_date, user_key, category
),

-- those that most people bought from lately
top_categories as (
    select
        as_of_date,
        category,
        cast(count(*) filter (where category_purchase_count_90d > 0) as integer) as category_buyer_count_90d,
    from behaviour
    group by as_of_date, category
    qualify
        row_number() over (partition by as_of_date order by category_buyer_count_90d desc, category)
        <= {{ most_categories }}
),

pairs as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        top_categories.category,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for span in [7, 30, 90] -%}
                coalesce(behaviour.category_{{ name }}_count_{{ span }}d, 0) as category_{{ name }}_count_{{ span }}d,
            {% endfor -%}
        {% endfor -%}
        coalesce(behaviour.category_purchase_count_365d, 0) as category_purchase_count_365d,
        coalesce(behaviour.category_purchase_amount_365d, 0) as category_purchase_amount_365d,
        behaviour.days_since_last_category_event,
        behaviour.days_since_last_category_cart,
        behaviour.days_since_last_category_purchase,
        snapshots.top_category,
        snapshots.days_since_last_event,
        snapshots.days_since_last_order,
        snapshots.event_count_7d,
        snapshots.event_count_30d,
        snapshots.order_count_90d,
        snapshots.order_count_365d,
        snapshots.order_lateness,
        snapshots.mean_days_between_orders,
        snapshots.open_cart_count,
        snapshots.category_concentration,
        snapshots.tenure_days,
    from snapshots
    inner join top_categories on snapshots.as_of_date = top_categories.as_of_date
    left join behaviour
        on
            snapshots.as_of_date = behaviour.as_of_date
            and snapshots.user_key = behaviour.user_key
            and top_categories.category = behaviour.category
)

select * from pairs
