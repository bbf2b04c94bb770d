{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set parts = ref('int_parts') %}
{% set bots = ref('int_bots') %}
{% set changed_days = ref('int_changed_days') %}
{% set sessions = ref('int_touched_sessions') %}
{% set events = ref('stg_events') %}
{% set touched_days %}
    select event_date from {{ sessions }}
    union
    select event_date from {{ changed_days }}
{% endset %}

{% if is_incremental() %}

    with

    changed_parts as (
        select part from {{ parts }}
        where is_changed
    ),

    new_bots as (
        select visitor_key from {{ bots }}
        where is_new
    ),

    held as (
        select
            *,
            part in (select changed_parts.part from changed_parts)
            or coalesce(
                visitor_key in (select new_bots.visitor_key from new_bots), false
            ) as is_leaving,
            coalesce(
                session_key in (select sessions.session_key from {{ sessions }} as sessions), false
            ) as is_cut_anew,
        from {{ last_night('int_events_sessionize') }}
        where {{ on_days('event_date', touched_days) }}
    ),

    touched as (
        select * exclude (is_cut_anew) from held
        where is_leaving or is_cut_anew
    )

    select * from touched

{% else %}

    select
        * exclude (is_late, consent_personalization),
        cast(null as varchar) as session_key,
        cast(null as uuid) as actor_key,
        cast(null as date) as session_first_date,
        cast(null as date) as session_last_date,
        cast(null as integer) as build_number,
        false as is_leaving,
    from {{ events }}
    where false

{% endif %}
