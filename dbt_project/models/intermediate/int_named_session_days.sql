{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_parts', 'by': ['part'], 'where': 'is_changed'}}
) }}

with

events as (
    select
        part,
        event_date,
        {{ stated_session_key() }} as session_key,
    from {{ ref('stg_events') }}
),

session_days as (
    select distinct
        part,
        -- eight bytes instead of 32; two sessions of one number are only looked at in vain
        hash(session_key) as session_number,
        event_date,
    from events
    where session_key is not null
)

select * from session_days
