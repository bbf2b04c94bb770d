{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_events', 'by': ['session_key'], 'day': 'session_date'}}
) }}

{% set touched = ref('int_touched_events') %}

with

events as (
    select * from {{ ref('fct_events') }}
    where
        is_activity
        {% if is_incremental() %}
        -- sessions are written whole
            and build_number = {{ var('build_number') }}
        {% endif %}
),

sessions as (
    select
        session_key,
        -- logging in within a session: the user's key outlives the device's
        arg_max(visitor_key, (device_key is not null, event_at, event_id)) as visitor_key,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        min(event_date) as session_date,
        arg_min(item_id, (event_at, event_id)) filter (where item_id is not null) as entry_item_id,
        arg_max(item_id, (event_at, event_id)) filter (where item_id is not null) as exit_item_id,
        cast(date_diff('second', min(event_at), max(event_at)) as bigint) as duration_seconds,
        count(*) as event_count,
        {{ count_events('product_viewed') }} as view_count,
        {{ count_events('product_added') }} as cart_count,
        {{ count_events('product_searched') }} as search_count,
        count(distinct order_key) filter (where event_type = 'order_completed') as order_count,
        bool_or(event_type = 'order_completed') as is_converted,
        min(event_at) filter (where event_type = 'product_viewed') as first_viewed_at,
        max(event_at) filter (where event_type = 'order_completed') as last_ordered_at,
    from events
    group by session_key
),

-- the second step of the funnel decides the third: when a product was first put into the cart after a view
carts as (
    select
        sessions.session_key,
        min(events.event_at) as carted_at,
    from sessions
    inner join events
        on
            sessions.session_key = events.session_key
            and sessions.first_viewed_at <= events.event_at
    where events.event_type = 'product_added'
    group by sessions.session_key
),

described as (
    select
        sessions.* exclude (first_viewed_at, last_ordered_at), -- noqa: RF02
        carts.session_key is not null as has_cart_after_view,
        coalesce(carts.carted_at <= sessions.last_ordered_at, false) as has_order_after_cart,
    from sessions
    left join carts on sessions.session_key = carts.session_key
)

select * from described
order by session_date
