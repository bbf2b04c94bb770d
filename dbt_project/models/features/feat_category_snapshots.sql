{% set most_categories = 12 %}

with

visitors_today as (
    select
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }} and {{ has_category_targets() }}
),

visitor_categories as (
    select * from {{ ref('feat_visitor_categories') }}
),

past_categories as (
    select * from {{ ref('feat_past_categories') }}
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
),

behaviour as (
    select
        {{ run_date() }} as as_of_date,
        visitors_today.user_key,
        visitor_categories.category,
        {{ category_totals() }}
    from visitors_today
    inner join visitor_categories on visitors_today.visitor_key = visitor_categories.visitor_key
    group by visitors_today.user_key, visitor_categories.category
    union all by name
    select * from past_categories
),

people as (
    select
        {{ run_date() }} as as_of_date,
        user_key,
    from visitors_today
    union
    select
        as_of_date,
        user_key,
    from past_categories
),

-- those that most people bought from lately
top_categories as (
    select
        as_of_date,
        category,
        count(*) filter (where purchase_count_90d > 0) as buyer_count_90d,
    from behaviour
    where category is not null
    group by as_of_date, category
    qualify row_number() over (partition by as_of_date order by buyer_count_90d desc, category) <= {{ most_categories }}
),

pairs as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        top_categories.category,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [7, 30, 90] -%}
                cast(coalesce(behaviour.{{ name }}_count_{{ days }}d, 0) as integer)
                    as category_{{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        cast(coalesce(behaviour.purchase_count_365d, 0) as integer) as category_purchase_count_365d,
        coalesce(behaviour.purchase_amount_365d, 0) as category_purchase_amount_365d,
        {% for name in ['event', 'cart', 'purchase'] -%}
            cast(snapshots.as_of_date - behaviour.last_{{ name }}_date as integer)
                as days_since_last_category_{{ name }},
        {% endfor -%}
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
    semi join people on snapshots.as_of_date = people.as_of_date and snapshots.user_key = people.user_key
    inner join top_categories on snapshots.as_of_date = top_categories.as_of_date
    left join behaviour
        on
            snapshots.as_of_date = behaviour.as_of_date
            and snapshots.user_key = behaviour.user_key
            and top_categories.category = behaviour.category
)

select * from pairs
