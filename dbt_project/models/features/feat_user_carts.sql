-- Who does not order within a week of filling a cart has left it; who filled it in the last week may still come back.
{% set order_within_days = 7 %}
{% set open_days = 14 %}

with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

user_days as (
    select * from {{ ref('fct_user_days') }}
    where cart_count > 0 or order_count > 0
),

person_days as (
    select
        people.as_of_date,
        people.user_key,
        user_days.event_date,
        people.as_of_date - user_days.event_date as days_ago,
        sum(user_days.cart_count) as cart_count,
        sum(user_days.order_count) as order_count,
    from people
    inner join user_days
        on
            people.visitor_key = user_days.visitor_key
            and people.as_of_date >= user_days.event_date
            and people.as_of_date - 90 < user_days.event_date
    group by people.as_of_date, people.user_key, user_days.event_date
),

followed as (
    select
        *,
        min(event_date) filter (where order_count > 0) over (
            partition by as_of_date, user_key order by event_date
            rows between current row and unbounded following
        ) as next_order_date,
        max(event_date) filter (where order_count > 0) over (partition by as_of_date, user_key) as last_order_date,
    from person_days
),

judged as (
    select
        *,
        coalesce(next_order_date > event_date + {{ order_within_days }}, true) as is_left,
        last_order_date is null or event_date > last_order_date as is_after_last_order,
    from followed
    where cart_count > 0
),

counts as (
    select
        as_of_date,
        user_key,
        cast(coalesce(sum(cart_count) filter (
            where days_ago < {{ open_days }} and is_after_last_order
        ), 0) as integer) as open_cart_count,
        {% for days in [30, 90] -%}
            cast(coalesce(sum(cart_count) filter (
                where days_ago between {{ order_within_days }} and {{ days - 1 }}
            ), 0) as integer) as decided_cart_count_{{ days }}d,
            cast(coalesce(sum(cart_count) filter (
                where days_ago between {{ order_within_days }} and {{ days - 1 }} and is_left
            ), 0) as integer) as abandoned_cart_count_{{ days }}d,
        {% endfor -%}
    from judged
    group by as_of_date, user_key
),

carts as (
    select
        * exclude (decided_cart_count_30d, decided_cart_count_90d),
        round(abandoned_cart_count_30d / nullif(decided_cart_count_30d, 0), 6) as cart_abandonment_share_30d,
        round(abandoned_cart_count_90d / nullif(decided_cart_count_90d, 0), 6) as cart_abandonment_share_90d,
    from counts
)

select * from carts
