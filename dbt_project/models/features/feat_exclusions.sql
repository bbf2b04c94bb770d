{{ config(materialized='view') }}

{% set cart_days = var('exclude_in_cart_within_days') %}
{% set reasons = "enum ('bought_recently', 'refunded_recently', 'in_cart')" %}

-- As-of day by as-of day: by literal days DuckDB reads those days alone, and no row meets people of another as-of day.
-- Each place names its table: a common one of several places would be read once for all of them, whole (a stored view
-- forgets `not materialized`). A row for every line of an order: who reads it asks for one, or says `distinct`.
with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations'
),

{% for step in range(3) -%}
    {% set as_of_date = recommendation_date(step) %}

    people_{{ step }} as (
        select * from people
        where as_of_date = {{ as_of_date }}
    ),

    -- an order empties the cart, whatever it holds: what came before the last need not be looked at
    emptied_{{ step }} as (
        select
            people.user_key,
            max(order_items.event_at) as last_order_at,
        from people_{{ step }} as people
        inner join {{ ref('fct_order_items') }} as order_items on people.visitor_key = order_items.visitor_key
        where
            not order_items.is_refund
            and order_items.event_date <= {{ as_of_date }}
            and order_items.event_date > {{ as_of_date }} - {{ cart_days }}
        group by people.user_key
    ),

    people_since_{{ step }} as (
        select
            people.user_key,
            people.visitor_key,
            coalesce(emptied.last_order_at, timestamptz '-infinity') as last_order_at,
        from people_{{ step }} as people
        left join emptied_{{ step }} as emptied on people.user_key = emptied.user_key
    ),

    moved_{{ step }} as (
        select
            people.user_key,
            cart_events.item_id,
            max(cart_events.event_at) filter (where cart_events.event_type = 'product_added') as last_added_at,
            max(cart_events.event_at) filter (where cart_events.event_type = 'product_removed') as last_removed_at,
        from people_since_{{ step }} as people
        inner join {{ ref('fct_events') }} as cart_events
            on people.visitor_key = cart_events.actor_key and people.last_order_at < cart_events.event_at
        where
            cart_events.event_type in ('product_added', 'product_removed')
            and cart_events.item_id is not null
            and cart_events.event_date <= {{ as_of_date }}
            and cart_events.event_date > {{ as_of_date }} - {{ cart_days }}
        group by people.user_key, cart_events.item_id
    ),

{% endfor -%}

exclusions as (
    {% for step in range(3) -%}
        {% set as_of_date = recommendation_date(step) %}
        {% for lines, days, reason in [
            ('not order_items.is_refund', var('exclude_bought_within_days'), 'bought_recently'),
            ('order_items.is_refund', var('exclude_refunded_within_days'), 'refunded_recently'),
        ] -%}
            select
                {{ as_of_date }} as as_of_date,
                people.user_key,
                order_items.item_id,
                cast('{{ reason }}' as {{ reasons }}) as reason,
            from people_{{ step }} as people
            inner join {{ ref('fct_order_items') }} as order_items on people.visitor_key = order_items.visitor_key
            where
                {{ lines }}
                and order_items.item_id is not null
                and order_items.event_date <= {{ as_of_date }}
                and order_items.event_date > {{ as_of_date }} - {{ days }}
            union all
        {% endfor -%}
        select
            {{ as_of_date }} as as_of_date,
            user_key,
            item_id,
            cast('in_cart' as {{ reasons }}) as reason,
        from moved_{{ step }}
        where last_added_at > coalesce(last_removed_at, timestamptz '-infinity')
        {{ 'union all' if not loop.last }}
    {% endfor -%}
)

select * from exclusions
