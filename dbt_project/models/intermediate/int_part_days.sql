{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_parts', 'by': ['part'], 'where': 'is_changed'}}
) }}

with

events as (
    select
        part,
        cast(event_at at time zone '{{ var("timezone") }}' as date) as event_date,
        event_at < cast(landed_date as timestamp) at time zone '{{ var("timezone") }}' as is_late,
    from {{ ref('base_events') }}
),

part_days as (
    select
        part,
        event_date,
        event_date > {{ run_date() }} as is_waiting,
        count(*) as event_count,
        count(*) filter (where is_late) as late_event_count,
    from events
    group by part, event_date
)

select * from part_days
