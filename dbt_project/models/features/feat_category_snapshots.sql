{# past days that a category target learns from: a night writes a row per person and category of each #}
{% set horizons = "cast(" ~ var('category_horizons_days') ~ " as integer[])" %}
{% set past_days = "(8 * 7 + 2 * coalesce(list_max(" ~ horizons ~ "), 0))" %}
{# of a past day: enough to learn from, where on the run date everybody is asked about #}
{% set most_people = var('category_people_per_day', 10000) %}
{% set most_categories = 12 %}
{% set year = 365 %}
{% set counts %}
        user_item_days.view_count,
        user_item_days.cart_count,
        user_item_days.purchase_count,
        user_item_days.purchase_amount,
{%- endset %}

with

-- nothing is written where no target is about categories
visitors as (
    select
        as_of_date,
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
    where
        purpose = 'predictions'
        and as_of_date >= {{ run_date() }} - {{ past_days }}
        and len({{ horizons }}) > 0
),

-- millions of rows are grouped by numbers instead of keys and texts
people as materialized (
    select
        as_of_date,
        user_key,
        cast(row_number() over () as integer) as person_number,
    from visitors
    group by as_of_date, user_key
    qualify
        as_of_date = {{ run_date() }}
        or row_number() over (
            partition by as_of_date order by md5_number_lower(concat(user_key, as_of_date)), user_key
        ) <= {{ most_people }}
),

numbered_visitors as materialized (
    select
        visitors.as_of_date,
        visitors.visitor_key,
        people.person_number,
    from visitors
    inner join people on visitors.as_of_date = people.as_of_date and visitors.user_key = people.user_key
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
),

user_item_days as not materialized (
    select * from {{ ref('fct_user_item_days') }}
),

items as (
    select
        as_of_date,
        item_id,
        nullif(split_part(category, ' > ', 1), '') as category,
    from {{ ref('int_items_as_of') }}
),

categories as materialized (
    select
        category,
        cast(row_number() over (order by category) as integer) as category_number,
    from items
    where category is not null
    group by category
),

numbered_items as (
    select
        items.as_of_date,
        items.item_id,
        categories.category_number,
    from items
    inner join categories on items.category = categories.category
),

-- Items join on the left, and what has no category stays until the end: with an inner join, a plan could begin with all
-- people times all items of a day. The run date by itself: of literal days DuckDB reads no others.
days as not materialized (
    select
        visitors.person_number,
        items.category_number,
        {{ run_date() }} - user_item_days.event_date as age_days,
        {{ counts }}
    from numbered_visitors as visitors
    inner join user_item_days on visitors.visitor_key = user_item_days.visitor_key
    left join numbered_items as items
        on visitors.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    where
        visitors.as_of_date = {{ run_date() }}
        and user_item_days.event_date <= {{ run_date() }}
        and user_item_days.event_date > {{ run_date() }} - {{ year }}
    union all
    select
        visitors.person_number,
        items.category_number,
        visitors.as_of_date - user_item_days.event_date as age_days,
        {{ counts }}
    from numbered_visitors as visitors
    inner join user_item_days
        on
            visitors.visitor_key = user_item_days.visitor_key
            and visitors.as_of_date >= user_item_days.event_date
            and visitors.as_of_date - {{ year }} < user_item_days.event_date
    left join numbered_items as items
        on visitors.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    where visitors.as_of_date <> {{ run_date() }}
),

-- each day of a person and item is added up once, in the span of days that it falls into; longer windows are sums
spans as (
    select
        person_number,
        category_number,
        case when age_days < 7 then 7 when age_days < 30 then 30 when age_days < 90 then 90 else {{ year }} end as span,
        cast(sum(view_count) as bigint) as view_count,
        cast(sum(cart_count) as bigint) as cart_count,
        cast(sum(purchase_count) as bigint) as purchase_count,
        cast(sum(purchase_amount) as decimal(18, 2)) as purchase_amount,
        min(age_days) as event_age,
        min(age_days) filter (where cart_count > 0) as cart_age,
        min(age_days) filter (where purchase_count > 0) as purchase_age,
    from days
    group by person_number, category_number, span
),

behaviour as (
    select
        person_number,
        category_number,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [7, 30, 90] -%}
                cast(coalesce(sum({{ name }}_count) filter (where span <= {{ days }}), 0) as integer)
                    as category_{{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        cast(sum(purchase_count) as integer) as category_purchase_count_365d,
        cast(sum(purchase_amount) as decimal(18, 2)) as category_purchase_amount_365d,
        cast(min(event_age) as integer) as days_since_last_category_event,
        cast(min(cart_age) as integer) as days_since_last_category_cart,
        cast(min(purchase_age) as integer) as days_since_last_category_purchase,
    from spans
    group by person_number, category_number
),

-- those that most people bought from lately
top_categories as (
    select
        people.as_of_date,
        behaviour.category_number,
        categories.category,
        cast(count(*) filter (where behaviour.category_purchase_count_90d > 0) as integer)
            as category_buyer_count_90d,
    from behaviour
    inner join people on behaviour.person_number = people.person_number
    inner join categories on behaviour.category_number = categories.category_number
    group by people.as_of_date, behaviour.category_number, categories.category
    qualify
        row_number() over (
            partition by people.as_of_date order by category_buyer_count_90d desc, categories.category
        ) <= {{ most_categories }}
),

pairs as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        top_categories.category,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [7, 30, 90] -%}
                coalesce(behaviour.category_{{ name }}_count_{{ days }}d, 0) as category_{{ name }}_count_{{ days }}d,
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
    inner join people on snapshots.as_of_date = people.as_of_date and snapshots.user_key = people.user_key
    inner join top_categories on snapshots.as_of_date = top_categories.as_of_date
    left join behaviour
        on
            people.person_number = behaviour.person_number
            and top_categories.category_number = behaviour.category_number
)

select * from pairs
