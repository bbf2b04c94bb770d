with

user_days as (
    select * from {{ ref('fct_user_days') }}
),

bots as (
    select * from {{ ref('int_bots') }}
),

visitors as (
    select
        visitor_key,
        cast(sum(event_count) as bigint) as event_count,
        false as is_bot,
        min(first_event_at) as first_event_at,
        max(last_event_at) as last_event_at,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date,
    from user_days
    group by visitor_key
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
