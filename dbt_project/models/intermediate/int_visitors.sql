with

events as (
    select * from {{ ref('int_events_sessionize') }}
    where actor_key is not null and is_activity
),

bots as (
    select * from {{ ref('int_bots') }}
),

visitors as (
    select
        actor_key as visitor_key,
        count(*) as event_count,
        false as is_bot,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date,
    from events
    group by actor_key
    union all
    select
        visitor_key,
        event_count,
        true as is_bot,
        first_event_at,
        last_event_at,
        first_event_date,
        last_event_date,
    from bots
)

select * from visitors
