{# past days that a category target learns from: a night writes a row per person and category of each #}
{% set horizons = "cast(" ~ var('category_horizons_days') ~ " as integer[])" %}
{% set past_days = "(8 * 7 + 2 * coalesce(list_max(" ~ horizons ~ "), 0))" %}
{# of a past day: enough to learn from, where on the run date everybody is asked about #}
{% set most_people = var('category_people_per_day', 10000) %}
{% set most_categories = 12 %}
{% set year = 365 %}
{# each day of a person and item is added up once, in the span of days that it falls into; longer windows are sums #}
{% set sums %}
        case when age_days < 7 then 7 when age_days < 30 then 30 when age_days < 90 then 90 else {{ year }} end as span,
        cast(sum(view_count) as bigint) as view_count,
        cast(sum(cart_count) as bigint) as cart_count,
        cast(sum(purchase_count) as bigint) as purchase_count,
        cast(sum(purchase_amount) as decimal(18, 2)) as purchase_amount,
        min(age_days) as event_age,
        min(age_days) filter (where cart_count > 0) as cart_age,
        min(age_days) filter (where purchase_count > 0) as purchase_age,
{%- endset %}

with

-- nothing is written where no target is about categories
people as (
    select
        as_of_date,
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and len({{ horizons }}) > 0
),

people_today as (
    select * from people
    where as_of_date = {{ run_date() }}
),

drawn_people as (
    select
        as_of_date,
        user_key,
    from people
    where as_of_date < {{ run_date() }} and as_of_date >= {{ run_date() }} - {{ past_days }}
    group by as_of_date, user_key
    qualify
        row_number() over (
            partition by as_of_date order by md5_number_lower(concat(user_key, as_of_date)), user_key
        ) <= {{ most_people }}
),

people_before as (
    select people.*
    from people
    semi join drawn_people
        on people.as_of_date = drawn_people.as_of_date and people.user_key = drawn_people.user_key
),

snapshots as (
    select snapshots.*
    from {{ ref('feat_user_snapshots') }} as snapshots
    left join drawn_people
        on snapshots.as_of_date = drawn_people.as_of_date and snapshots.user_key = drawn_people.user_key
    where snapshots.as_of_date = {{ run_date() }} or drawn_people.user_key is not null
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

-- numbers instead of texts: millions of rows are grouped by them
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

-- items join on the left: were they an inner join, a plan could begin with all people times all items of a day
days_today as (
    select
        user_item_days.*,
        items.category_number,
        {{ run_date() }} - user_item_days.event_date as age_days,
    from user_item_days
    left join numbered_items as items
        on user_item_days.item_id = items.item_id and items.as_of_date = {{ run_date() }}
    where
        user_item_days.event_date <= {{ run_date() }}
        and user_item_days.event_date > {{ run_date() }} - {{ year }}
        and len({{ horizons }}) > 0
),

days_before as (
    select
        people.as_of_date,
        people.user_key,
        user_item_days.*,
        items.category_number,
        people.as_of_date - user_item_days.event_date as age_days,
    from people_before as people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - {{ year }} < user_item_days.event_date
    left join numbered_items as items
        on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
),

-- visitors are summed first and matched with people afterwards, which takes half of the time
visitor_spans as (
    select
        visitor_key,
        category_number,
        {{ sums }}
    from days_today
    group by visitor_key, category_number, span
),

spans as (
    select
        {{ run_date() }} as as_of_date,
        people_today.user_key,
        visitor_spans.* exclude (visitor_key), -- noqa: RF02
    from people_today
    inner join visitor_spans on people_today.visitor_key = visitor_spans.visitor_key
    union all
    select
        as_of_date,
        user_key,
        category_number,
        {{ sums }}
    from days_before
    group by as_of_date, user_key, category_number, span
),

behaviour as (
    select
        spans.as_of_date,
        spans.user_key,
        categories.category,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [7, 30, 90] -%}
                cast(coalesce(sum(spans.{{ name }}_count) filter (where spans.span <= {{ days }}), 0) as integer)
                    as category_{{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        cast(sum(spans.purchase_count) as integer) as category_purchase_count_365d,
        cast(sum(spans.purchase_amount) as decimal(18, 2)) as category_purchase_amount_365d,
        cast(min(spans.event_age) as integer) as days_since_last_category_event,
        cast(min(spans.cart_age) as integer) as days_since_last_category_cart,
        cast(min(spans.purchase_age) as integer) as days_since_last_category_purchase,
    from spans
    inner join categories on spans.category_number = categories.category_number
    group by spans.as_of_date, spans.user_key, categories.category
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
    inner join top_categories on snapshots.as_of_date = top_categories.as_of_date
    left join behaviour
        on
            snapshots.as_of_date = behaviour.as_of_date
            and snapshots.user_key = behaviour.user_key
            and top_categories.category = behaviour.category
)

select * from pairs
