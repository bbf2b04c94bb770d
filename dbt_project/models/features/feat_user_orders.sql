with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

user_days as (
    select * from {{ ref('fct_user_days') }}
    where order_count > 0
),

windows as (
    select * from {{ ref('feat_user_windows') }}
),

order_days as (
    select distinct
        people.as_of_date,
        people.user_key,
        user_days.event_date as order_date,
    from people
    inner join user_days
        on people.visitor_key = user_days.visitor_key and people.as_of_date >= user_days.event_date
),

gaps as (
    select
        *,
        order_date - lag(order_date) over (partition by as_of_date, user_key order by order_date) as gap_days,
    from order_days
),

-- whole numbers until the last step: a variance of doubles depends on the order of its terms
gap_sums as (
    select
        as_of_date,
        user_key,
        cast(as_of_date - max(order_date) as integer) as days_since_last_order,
        count(gap_days) as gap_count,
        cast(sum(gap_days) as bigint) as gap_sum,
        cast(sum(gap_days * gap_days) as bigint) as gap_square_sum,
    from gaps
    group by as_of_date, user_key
),

rhythms as (
    select
        as_of_date,
        user_key,
        days_since_last_order,
        round(gap_sum / nullif(gap_count, 0), 6) as mean_days_between_orders,
        round(
            sqrt((gap_count * gap_square_sum - gap_sum * gap_sum) / nullif(gap_count * (gap_count - 1), 0)), 6
        ) as spread_of_days_between_orders,
    from gap_sums
),

amounts as (
    select
        as_of_date,
        user_key,
        {% for days in [1, 7, 30, 90, 365] -%}
            {{ sum_within('order_count', days) }} as order_count_{{ days }}d,
        {% endfor -%}
        {% for days in [30, 90, 365] -%}
            {{ amount_within('order_amount', days) }} as order_amount_{{ days }}d,
        {% endfor -%}
        {% for days in [1, 7, 30, 90] -%}
            {{ sum_within('refund_count', days) }} as refund_count_{{ days }}d,
        {% endfor -%}
        {{ amount_within('refund_amount', 365) }} as refund_amount_365d,
    from windows
    group by as_of_date, user_key
),

orders as (
    select
        amounts.*,
        {{ trend('amounts.order_count', 7, 30) }} as order_trend,
        {{ trend('amounts.order_count', 30, 90) }} as order_trend_90d,
        round(cast(amounts.order_amount_365d as double) / nullif(amounts.order_count_365d, 0), 6) as mean_order_amount,
        round(cast(amounts.refund_amount_365d as double) / nullif(amounts.order_amount_365d, 0), 6)
            as refund_share_365d,
        rhythms.days_since_last_order,
        rhythms.mean_days_between_orders,
        rhythms.spread_of_days_between_orders,
        round(rhythms.days_since_last_order / nullif(rhythms.mean_days_between_orders, 0), 6) as order_lateness,
        round(
            (rhythms.days_since_last_order - rhythms.mean_days_between_orders)
            / nullif(rhythms.spread_of_days_between_orders, 0), 6
        ) as order_lateness_spreads,
    from amounts
    left join rhythms on amounts.as_of_date = rhythms.as_of_date and amounts.user_key = rhythms.user_key
)

select * from orders
