{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_days') %}

with

all_events as (
    select * from {{ ref('fct_events') }}
    where is_activity
),

calendar as (
    select cast(unnest(generate_series(min(event_date), {{ run_date() }}, interval 1 day)) as date) as date
    from all_events
),

events as (
    select * from all_events
    {% if is_incremental() %}
        where {{ on_days('event_date', 'select event_date from ' ~ touched) }}
    {% endif %}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
    {% if is_incremental() %}
        where {{ on_days('session_date', 'select event_date from ' ~ touched) }}
    {% endif %}
),

daily_events as (
    select
        event_date,
        count(distinct actor_key) as users,
        {{ count_events('product_viewed') }} as views,
        {{ count_events('product_added') }} as carts,
        count(distinct order_key) filter (where event_type = 'order_completed') as orders,
        coalesce(sum(line_amount) filter (where event_type = 'order_completed'), 0) as revenue,
        coalesce(sum(line_amount) filter (where event_type = 'order_refunded'), 0) as refunds,
    from events
    group by event_date
),

daily_sessions as (
    select
        session_date,
        count(*) as sessions,
        count(*) filter (where view_count > 0) as sessions_with_view,
        count(*) filter (where cart_count > 0) as sessions_with_cart,
        count(*) filter (where is_converted) as sessions_with_order,
    from sessions
    group by session_date
),

kpis as (
    select
        calendar.date,
        coalesce(daily_events.users, 0) as users,
        coalesce(daily_sessions.sessions, 0) as sessions,
        coalesce(daily_events.views, 0) as views,
        coalesce(daily_events.carts, 0) as carts,
        coalesce(daily_events.orders, 0) as orders,
        round(daily_sessions.sessions_with_cart / nullif(daily_sessions.sessions_with_view, 0), 6) as view_to_cart_rate,
        round(daily_sessions.sessions_with_order / nullif(daily_sessions.sessions_with_cart, 0), 6)
            as cart_to_order_rate,
        round(daily_sessions.sessions_with_order / nullif(daily_sessions.sessions, 0), 6) as conversion_rate,
        cast(coalesce(daily_events.revenue, 0) as decimal(18, 2)) as revenue,
        cast(coalesce(daily_events.refunds, 0) as decimal(18, 2)) as refunds,
    from calendar
    left join daily_events on calendar.date = daily_events.event_date
    left join daily_sessions on calendar.date = daily_sessions.session_date
),

{% if is_incremental() %}

-- the days of which nothing new is known stay as they were
    held as (
        select held.*
        from {{ this }} as held
        semi join calendar on held.date = calendar.date
        where not {{ on_days('held.date', 'select event_date from ' ~ touched) }}
    ),

{% endif %}

all_kpis as (
    select kpis.* from kpis
    {% if is_incremental() %}
        anti join held on kpis.date = held.date
        union all by name
        select * from held
    {% endif %}
)

select * from all_kpis
