with

events as (
    select * from {{ ref('stg_events') }}
    where visitor_key is not null and is_activity
),

visitor_days as (
    select
        part,
        visitor_key,
        event_date,
        count(*) as event_count,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
    from events
    group by part, visitor_key, event_date
)

select * from visitor_days
