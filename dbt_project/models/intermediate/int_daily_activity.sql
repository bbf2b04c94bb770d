{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_days', 'by': ['event_date'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_days') %}

with

events as (
    select
        event_date,
        {{ metric('users') }} as users,
        {{ metric('views') }} as views,
        {{ metric('carts') }} as carts,
    from {{ ref('fct_events') }}
    {% if is_incremental() %}
        where {{ on_days('event_date', 'select event_date from ' ~ touched) }}
    {% endif %}
    group by event_date
),

sessions as (
    select
        session_date,
        {{ metric('sessions') }} as sessions,
        {{ metric('sessions_with_view') }} as sessions_with_view,
        {{ metric('sessions_with_cart') }} as sessions_with_cart,
        {{ metric('sessions_with_order') }} as sessions_with_order,
        {{ metric('converted_sessions') }} as converted_sessions,
    from {{ ref('fct_sessions') }}
    {% if is_incremental() %}
        where {{ on_days('session_date', 'select event_date from ' ~ touched) }}
    {% endif %}
    group by session_date
),

activity as (
    select
        events.*,
        coalesce(sessions.sessions, 0) as sessions,
        coalesce(sessions.sessions_with_view, 0) as sessions_with_view,
        coalesce(sessions.sessions_with_cart, 0) as sessions_with_cart,
        coalesce(sessions.sessions_with_order, 0) as sessions_with_order,
        coalesce(sessions.converted_sessions, 0) as converted_sessions,
    from events
    -- a session is of the day of its first event
    left join sessions on events.event_date = sessions.session_date
)

select * from activity
order by event_date
