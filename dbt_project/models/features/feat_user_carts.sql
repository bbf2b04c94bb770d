-- Who does not order within a week of filling a cart has left it; who filled it in the last week may still come back.
{% set order_within_days = 7 %}
{% set open_days = 14 %}

with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

numbers as (
    {{ person_numbers('people') }}
),

user_days as (
    select * from {{ ref('fct_user_days') }}
    where cart_count > 0 or order_count > 0
),

person_days as (
    select
        people.person_number,
        people.as_of_date - user_days.event_date as days_ago,
        user_days.cart_count,
        user_days.order_count,
    from people
    inner join user_days
        on
            people.visitor_key = user_days.visitor_key
            and people.as_of_date >= user_days.event_date
            and people.as_of_date - 90 < user_days.event_date
),

-- a bit per day with an order, the as-of day's the lowest: whether one followed is asked without sorting the days
order_days as (
    select
        person_number,
        bit_or(cast(1 as hugeint) << days_ago) as order_bits,
        min(days_ago) as days_since_last_order,
    from person_days
    where order_count > 0
    group by person_number
),

judged as (
    select
        person_days.person_number,
        person_days.days_ago,
        person_days.cart_count,
        person_days.days_ago >= {{ order_within_days }} as is_decided,
        -- of what is decided; the bits of the day itself and of those after it
        coalesce((
            (order_days.order_bits >> greatest(person_days.days_ago - {{ order_within_days }}, 0))
            & {{ 2 ** (order_within_days + 1) - 1 }}
        ) <> 0, false) as is_ordered,
        coalesce(order_days.days_since_last_order <= person_days.days_ago, false) as is_before_an_order,
    from person_days
    left join order_days on person_days.person_number = order_days.person_number
    where person_days.cart_count > 0
),

counts as (
    select
        person_number,
        cast(coalesce(sum(cart_count) filter (
            where days_ago < {{ open_days }} and not is_before_an_order
        ), 0) as integer) as open_cart_count,
        {% for days in [30, 90] -%}
            cast(coalesce(sum(cart_count) filter (
                where is_decided and days_ago < {{ days }}
            ), 0) as integer) as decided_cart_count_{{ days }}d,
            cast(coalesce(sum(cart_count) filter (
                where is_decided and days_ago < {{ days }} and not is_ordered
            ), 0) as integer) as abandoned_cart_count_{{ days }}d,
        {% endfor -%}
    from judged
    group by person_number
),

carts as (
    select
        numbers.as_of_date,
        numbers.user_key,
        counts.open_cart_count,
        counts.abandoned_cart_count_30d,
        counts.abandoned_cart_count_90d,
        {% for days in [30, 90] -%}
            round(counts.abandoned_cart_count_{{ days }}d / nullif(counts.decided_cart_count_{{ days }}d, 0), 6)
                as cart_abandonment_share_{{ days }}d,
        {% endfor -%}
    from counts
    inner join numbers on counts.person_number = numbers.person_number
)

select * from carts
