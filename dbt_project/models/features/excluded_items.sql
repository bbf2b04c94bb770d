with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

user_item_days as not materialized (
    select * from {{ ref('fct_user_item_days') }}
),

-- an order empties the cart, whatever it holds: what came before the last need not be looked at
emptied as (
    select
        people.as_of_date,
        people.user_key,
        max(order_items.event_at) as last_order_at,
    from people
    inner join {{ ref('fct_order_items') }} as order_items
        on
            people.visitor_key = order_items.visitor_key
            and people.as_of_date >= order_items.event_date
            and people.as_of_date - {{ var('exclude_in_cart_within_days') }} < order_items.event_date
    where
        not order_items.is_refund
        and order_items.event_date > {{ recommendation_date(2) }} - {{ var('exclude_in_cart_within_days') }}
    group by people.as_of_date, people.user_key
),

events as (
    select * from {{ ref('fct_events') }}
    where
        actor_key is not null
        and item_id is not null
        and event_type in ('product_added', 'product_removed')
        and event_date > {{ recommendation_date(2) }} - {{ var('exclude_in_cart_within_days') }}
),

moved as (
    select
        people.as_of_date,
        people.user_key,
        events.item_id,
        max(events.event_at) filter (where events.event_type = 'product_added') as last_added_at,
        max(events.event_at) filter (where events.event_type = 'product_removed') as last_removed_at,
    from people
    inner join events
        on
            people.visitor_key = events.actor_key
            and people.as_of_date >= events.event_date
            and people.as_of_date - {{ var('exclude_in_cart_within_days') }} < events.event_date
    left join emptied on people.as_of_date = emptied.as_of_date and people.user_key = emptied.user_key
    where events.event_at > coalesce(emptied.last_order_at, timestamptz '-infinity')
    group by people.as_of_date, people.user_key, events.item_id
),

excluded as (
    {% for count, days, reason in [
        ('purchase_count', var('exclude_bought_within_days'), 'bought_recently'),
        ('refund_count', var('exclude_refunded_within_days'), 'refunded_recently'),
    ] -%}
        select
            people.as_of_date,
            people.user_key,
            user_item_days.item_id,
            '{{ reason }}' as reason,
        from people
        inner join user_item_days
            on
                people.visitor_key = user_item_days.visitor_key
                and people.as_of_date >= user_item_days.event_date
                and people.as_of_date - {{ days }} < user_item_days.event_date
        where user_item_days.{{ count }} > 0 and user_item_days.event_date > {{ recommendation_date(2) }} - {{ days }}
        group by people.as_of_date, people.user_key, user_item_days.item_id
        union all
    {% endfor -%}
    select
        moved.as_of_date,
        moved.user_key,
        moved.item_id,
        'in_cart' as reason,
    from moved
    where moved.last_added_at > coalesce(moved.last_removed_at, timestamptz '-infinity')
)

select * from excluded
