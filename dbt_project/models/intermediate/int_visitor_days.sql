{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_parts', 'by': ['part'], 'where': 'is_changed'}}
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where visitor_key is not null
),

visitor_days as (
    select
        part,
        visitor_key,
        event_date,
        count(*) filter (where is_activity) as event_count,
        min(event_at) filter (where is_activity) as first_event_at,
        max(event_at) filter (where is_activity) as last_event_at,
    from events
    group by part, visitor_key, event_date
)

select * from visitor_days
