{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set parts = ref('int_parts') %}

with

part_days as (
    select * from {{ ref('int_visitor_days') }}
),

{% if is_incremental() %}

    last_bots as (
        select visitor_key from {{ this }}
    ),

    changed_days as (
        select distinct
            part_days.visitor_key,
            part_days.event_date,
        from part_days
        semi join {{ parts }} as parts on part_days.part = parts.part and parts.is_changed
    ),

    -- only the days that changed can make a new one
    looked_at as (
        select part_days.*
        from part_days
        semi join changed_days
            on part_days.visitor_key = changed_days.visitor_key and part_days.event_date = changed_days.event_date
    ),

{% else %}

    last_bots as (
        select visitor_key from part_days
        where false
    ),

    looked_at as (
        select * from part_days
    ),

{% endif %}

suspects as (
    select visitor_key from looked_at
    group by visitor_key, event_date
    having sum(event_count) > {{ var('max_events_per_day') }}
    union
    select visitor_key from last_bots
),

visitor_days as (
    select
        part_days.visitor_key,
        part_days.event_date,
        sum(part_days.event_count) as event_count,
        min(part_days.first_event_at) as first_event_at,
        max(part_days.last_event_at) as last_event_at,
    from part_days
    semi join suspects on part_days.visitor_key = suspects.visitor_key
    where part_days.event_count > 0
    group by part_days.visitor_key, part_days.event_date
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
        visitor_key not in (select last_bots.visitor_key from last_bots) as is_new,
    from visitor_days
    group by visitor_key
    having max(event_count) > {{ var('max_events_per_day') }}
)

select * from bots
