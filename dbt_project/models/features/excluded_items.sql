{% set looked_back_days = [var('exclude_bought_within_days'), var('exclude_refunded_within_days')] | map('int') | max %}

with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where
        (purchase_count > 0 or refund_count > 0)
        and event_date > {{ recommendation_date(2) }} - {{ looked_back_days }}
),

bought_or_refunded as (
    select
        people.as_of_date,
        people.user_key,
        user_item_days.item_id,
        user_item_days.purchase_count > 0
        and people.as_of_date - {{ var('exclude_bought_within_days') }} < user_item_days.event_date as is_bought,
        user_item_days.refund_count > 0
        and people.as_of_date - {{ var('exclude_refunded_within_days') }} < user_item_days.event_date as is_refunded,
    from people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - {{ looked_back_days }} < user_item_days.event_date
),

events as (
    select * from {{ ref('fct_events') }}
    where
        actor_key is not null
        and item_id is not null
        and event_type in ('product_added', 'product_removed', 'order_completed')
        and event_date > {{ run_date() }} - 2 * {{ var('holdout_days') }} - {{ var('exclude_in_cart_within_days') }}
),

cart_events as (
    select
        people.as_of_date,
        people.user_key,
        events.item_id,
        events.event_type,
        events.event_at,
        -- an order empties the cart, whatever it holds
        max(events.event_at) filter (where events.event_type = 'order_completed') over (
            partition by people.as_of_date, people.user_key
        ) as last_order_at,
    from people
    inner join events
        on
            people.visitor_key = events.actor_key
            and people.as_of_date >= events.event_date
            and people.as_of_date - {{ var('exclude_in_cart_within_days') }} < events.event_date
),

in_cart as (
    select
        as_of_date,
        user_key,
        item_id,
    from cart_events
    where event_type <> 'order_completed'
    group by as_of_date, user_key, item_id
    having
        max((event_at, event_type))[2] = 'product_added'
        and coalesce(max(event_at) > max(last_order_at), true)
),

excluded as (
    select
        as_of_date,
        user_key,
        item_id,
        'bought_recently' as reason,
    from bought_or_refunded
    where is_bought
    union
    select
        as_of_date,
        user_key,
        item_id,
        'refunded_recently' as reason,
    from bought_or_refunded
    where is_refunded
    union
    select
        as_of_date,
        user_key,
        item_id,
        'in_cart' as reason,
    from in_cart
)

select * from excluded
