with

parts as (
    select * from {{ ref('int_parts') }}
    where is_changed
),

part_days as (
    select * from {{ ref('int_part_days') }}
    where not is_waiting
),

new_bots as (
    select * from {{ ref('int_bots') }}
    where is_new
),

visitor_days as (
    select * from {{ ref('int_visitor_days') }}
),

days as (
    select part_days.event_date
    from part_days
    semi join parts on part_days.part = parts.part
    union
    select unnest(held_dates) as event_date
    from parts
    union
    select visitor_days.event_date
    from visitor_days
    semi join new_bots on visitor_days.visitor_key = new_bots.visitor_key
)

select * from days
