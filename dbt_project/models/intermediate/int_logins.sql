{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_parts', 'by': ['part'], 'where': 'is_changed'}}
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where device_key is not null and visitor_key is not null
),

logins as (
    select
        part,
        visitor_key as user_key,
        device_key,
        min(event_at) as linked_at,
    from events
    group by part, visitor_key, device_key
)

select * from logins
