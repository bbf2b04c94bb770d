with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

-- each with the days of its own rule: most of what is bought need not be kept as long as what came back
bought_or_refunded as (
    {% for count, days, reason in [
        ('purchase_count', var('exclude_bought_within_days'), 'bought_recently'),
        ('refund_count', var('exclude_refunded_within_days'), 'refunded_recently'),
    ] -%}
        select
            visitor_key,
            item_id,
            event_date,
            '{{ reason }}' as reason,
            {{ days }} as within_days,
        from {{ ref('fct_user_item_days') }}
        where {{ count }} > 0 and event_date > {{ recommendation_date(2) }} - {{ days }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

events as (
    select * from {{ ref('fct_events') }}
    where
        actor_key is not null
        and item_id is not null
        and event_type in ('product_added', 'product_removed', 'order_completed')
        and event_date > {{ recommendation_date(2) }} - {{ var('exclude_in_cart_within_days') }}
),

cart_events as (
    select
        people.as_of_date,
        people.user_key,
        events.item_id,
        events.event_type,
        events.event_at,
    from people
    inner join events
        on
            people.visitor_key = events.actor_key
            and people.as_of_date >= events.event_date
            and people.as_of_date - {{ var('exclude_in_cart_within_days') }} < events.event_date
),

-- an order empties the cart, whatever it holds
emptied as (
    select
        as_of_date,
        user_key,
        max(event_at) as last_order_at,
    from cart_events
    where event_type = 'order_completed'
    group by as_of_date, user_key
),

moved as (
    select
        as_of_date,
        user_key,
        item_id,
        max(event_at) filter (where event_type = 'product_added') as last_added_at,
        max(event_at) filter (where event_type = 'product_removed') as last_removed_at,
    from cart_events
    where event_type <> 'order_completed'
    group by as_of_date, user_key, item_id
),

excluded as (
    select distinct
        people.as_of_date,
        people.user_key,
        bought_or_refunded.item_id,
        bought_or_refunded.reason,
    from people
    inner join bought_or_refunded
        on
            people.visitor_key = bought_or_refunded.visitor_key
            and people.as_of_date >= bought_or_refunded.event_date
            and people.as_of_date - bought_or_refunded.within_days < bought_or_refunded.event_date
    union all
    select
        moved.as_of_date,
        moved.user_key,
        moved.item_id,
        'in_cart' as reason,
    from moved
    left join emptied on moved.as_of_date = emptied.as_of_date and moved.user_key = emptied.user_key
    where
        moved.last_added_at > coalesce(moved.last_removed_at, timestamptz '-infinity')
        and moved.last_added_at > coalesce(emptied.last_order_at, timestamptz '-infinity')
)

select * from excluded
