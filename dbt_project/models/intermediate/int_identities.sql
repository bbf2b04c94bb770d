with

events as (
    select * from {{ ref('stg_events') }}
),

links as (
    select
        device_key,
        visitor_key as user_key,
        min(event_at) as linked_at,
        min(event_date) as linked_date,
    from events
    where device_key is not null and visitor_key is not null
    group by device_key, visitor_key
),

ordered as (
    select
        device_key as visitor_key,
        user_key,
        linked_at,
        linked_date,
        lead(linked_date) over (partition by device_key order by linked_at, user_key) as shared_date,
        row_number() over (partition by device_key order by linked_at, user_key) as link_number,
    from links
),

first_links as (
    select
        visitor_key,
        user_key,
        linked_at,
        linked_date,
        shared_date,
    from ordered
    where link_number = 1
)

select * from first_links
