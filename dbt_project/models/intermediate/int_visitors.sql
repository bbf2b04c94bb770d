with

events as (
    select * from {{ ref('stg_events') }}
),

visitor_days as (
    select
        visitor_key,
        event_date,
        count(*) as event_count,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
    from events
    where visitor_key is not null
    group by visitor_key, event_date
),

visitors as (
    select
        visitor_key,
        cast(sum(event_count) as bigint) as event_count,
        max(event_count) > {{ var('max_events_per_day') }} as is_bot,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date,
    from visitor_days
    group by visitor_key
)

select * from visitors
