with

visitor_days as (
    select
        visitor_key,
        event_date,
        sum(event_count) as event_count,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
    from {{ ref('int_visitor_days') }}
    group by visitor_key, event_date
),

bots as (
    select
        visitor_key,
        cast(sum(event_count) as bigint) as event_count,
        arg_max(event_date, (event_count, event_date)) as busiest_date,
        cast(max(event_count) as bigint) as busiest_day_event_count,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date,
    from visitor_days
    group by visitor_key
    having max(event_count) > {{ var('max_events_per_day') }}
)

select * from bots
