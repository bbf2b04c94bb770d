{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_events', 'by': ['session_key'], 'day': 'session_date', 'within_day': 'visitor_key'}}
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

-- what is first and last within a session is found by sorting, which spills to disk: an aggregate would hold the texts
-- of all sessions in memory
traced as (
    select
        session_key,
        source,
        event_type,
        event_at,
        event_local_at,
        event_date,
        order_key,
        -- logging in within a session: the user's key outlives the device's
        coalesce(
            last_value(if(device_key is null, null, visitor_key) ignore nulls) over session,
            last_value(visitor_key) over session
        ) as visitor_key,
        first_value(item_id ignore nulls) over session as entry_item_id,
        last_value(item_id ignore nulls) over session as exit_item_id,
        min(event_at) filter (where event_type = 'product_viewed') over session as first_viewed_at,
    from events
    window session as (
        partition by session_key order by event_at, event_id
        rows between unbounded preceding and unbounded following
    )
),

sessions as (
    select
        session_key,
        source,
        visitor_key,
        min(event_at) as started_at,
        max(event_at) as ended_at,
        min(event_date) as session_date,
        cast(hour(min(event_local_at)) as integer) as started_hour,
        entry_item_id,
        exit_item_id,
        cast(date_diff('second', min(event_at), max(event_at)) as bigint) as duration_seconds,
        count(*) as event_count,
        {{ count_events('product_viewed') }} as view_count,
        {{ count_events('product_added') }} as cart_count,
        {{ count_events('product_searched') }} as search_count,
        count(distinct order_key) filter (where event_type = 'order_completed') as order_count,
        bool_or(event_type = 'order_completed') as is_converted,
        max(event_at) filter (where event_type = 'order_completed') as last_ordered_at,
        -- the second step of the funnel decides the third: when a product was first put into the cart after a view
        min(event_at) filter (where event_type = 'product_added' and event_at >= first_viewed_at) as carted_at,
    from traced
    group by session_key, source, visitor_key, entry_item_id, exit_item_id
),

described as (
    select
        * exclude (last_ordered_at, carted_at),
        carted_at is not null as has_cart_after_view,
        coalesce(carted_at <= last_ordered_at, false) as has_order_after_cart,
    from sessions
)

select * from described
order by session_date, visitor_key
