with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'predictions'
),

user_days as (
    select * from {{ ref('fct_user_days') }}
),

tastes as (
    select * from {{ ref('feat_user_tastes') }}
),

person_days as (
    select
        people.as_of_date,
        people.user_key,
        user_days.*,
        people.as_of_date - user_days.event_date as days_ago,
        max(user_days.event_date) filter (where user_days.order_count > 0)
            over (partition by people.as_of_date, people.user_key) as last_order_date,
    from people
    inner join user_days
        on people.visitor_key = user_days.visitor_key and people.as_of_date >= user_days.event_date
),

activity as (
    select
        as_of_date,
        user_key,
        cast(min(days_ago) as integer) as days_since_last_event,
        cast(max(days_ago) as integer) as tenure_days,
        {{ sum_within('event_count', 7) }} as event_count_7d,
        {{ sum_within('event_count', 30) }} as event_count_30d,
        {{ sum_within('event_count', 90) }} as event_count_90d,
        {{ sum_within('view_count', 1) }} as view_count_1d,
        {{ sum_within('view_count', 7) }} as view_count_7d,
        {{ sum_within('view_count', 30) }} as view_count_30d,
        {{ sum_within('view_count', 90) }} as view_count_90d,
        {{ sum_within('search_count', 30) }} as search_count_30d,
        {{ sum_within('cart_count', 7) }} as cart_count_7d,
        {{ sum_within('cart_count', 30) }} as cart_count_30d,
        {{ sum_within('cart_count', 90) }} as cart_count_90d,
        {{ sum_within('wishlist_count', 90) }} as wishlist_count_90d,
        {{ sum_within('review_count', 90) }} as review_count_90d,
        {{ sum_within('session_count', 7) }} as session_count_7d,
        {{ sum_within('session_count', 30) }} as session_count_30d,
        {{ sum_within('session_count', 90) }} as session_count_90d,
        cast(count(distinct event_date) filter (where days_ago < 30) as integer) as active_day_count_30d,
        cast(count(distinct event_date) filter (where days_ago < 90) as integer) as active_day_count_90d,
        -- what lies in the cart: put there in the last two weeks and after the last order
        cast(coalesce(sum(cart_count) filter (
            where days_ago < 14 and (last_order_date is null or event_date > last_order_date)
        ), 0) as integer) as open_cart_count,
        cast(min(days_ago) filter (where order_count > 0) as integer) as days_since_last_order,
        max(days_ago) filter (where order_count > 0) as days_since_first_order,
        count(distinct event_date) filter (where order_count > 0) as order_day_count,
        {{ sum_within('order_count', 30) }} as order_count_30d,
        {{ sum_within('order_count', 90) }} as order_count_90d,
        {{ sum_within('order_count', 365) }} as order_count_365d,
        {{ amount_within('order_amount', 30) }} as order_amount_30d,
        {{ amount_within('order_amount', 90) }} as order_amount_90d,
        {{ amount_within('order_amount', 365) }} as order_amount_365d,
        {{ sum_within('refund_count', 90) }} as refund_count_90d,
        {{ amount_within('refund_amount', 365) }} as refund_amount_365d,
        round(sum(evening_event_count) / sum(event_count), 6) as evening_share,
        round(coalesce(sum(event_count) filter (where isodow(event_date) >= 6), 0) / sum(event_count), 6)
            as weekend_share,
    from person_days
    group by as_of_date, user_key
    having min(days_ago) < {{ var('active_within_days') }}
),

rhythm as (
    select
        *,
        round((days_since_first_order - days_since_last_order) / nullif(order_day_count - 1, 0), 6)
            as mean_days_between_orders,
    from activity
),

snapshots as (
    select
        rhythm.* exclude (days_since_first_order, order_day_count), -- noqa: RF02
        round(rhythm.days_since_last_order / rhythm.mean_days_between_orders, 6) as order_lateness,
        round(cast(rhythm.order_amount_365d as double) / nullif(rhythm.order_count_365d, 0), 6) as mean_order_amount,
        round(rhythm.view_count_7d * 30.0 / 7 / nullif(rhythm.view_count_30d, 0), 6) as view_trend,
        coalesce(tastes.item_count_90d, 0) as item_count_90d,
        coalesce(tastes.category_count_90d, 0) as category_count_90d,
        tastes.mean_item_price,
        tastes.top_category_share,
        tastes.top_category,
    from rhythm
    left join tastes on rhythm.as_of_date = tastes.as_of_date and rhythm.user_key = tastes.user_key
)

select * from snapshots
