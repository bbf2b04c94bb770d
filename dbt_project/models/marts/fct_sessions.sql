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
    from events
    group by session_key
)

select * from sessions
order by session_date
