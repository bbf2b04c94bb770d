{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_parts', 'by': ['part'], 'where': 'is_changed'}}
) }}

with

events as (
    select * from {{ ref('stg_events') }}
    where consent_personalization is not null and visitor_key is not null
),

statements as (
    select
        part,
        visitor_key,
        event_date as stated_date,
        max(event_at) as stated_at,
        arg_max(consent_personalization, (event_at, not consent_personalization)) as is_allowed,
    from events
    group by part, visitor_key, event_date
)

select * from statements
