{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set parts = ref('int_parts') %}
{% set bots = ref('int_bots') %}
{% set changed_days = ref('int_changed_days') %}
{% set named_session_days = ref('int_named_session_days') %}
{% set arriving = ref('stg_events') %}
{% set days_around %}
    select distinct event_date + step from {{ changed_days }} cross join (values (-1), (0), (1)) as steps (step)
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
            {{ machine_key() }} as machine_key,
            {{ is_cut_by_silence() }} as is_cut,
        from {{ last_night('int_events_sessionize') }}
        where {{ on_days('event_date', days_around) }}
    ),

    leaving as (
        select * from held
        where
            part in (select changed_parts.part from changed_parts)
            or visitor_key in (select new_bots.visitor_key from new_bots)
    ),

    changed as (
        select
            source,
            {{ machine_key() }} as machine_key,
            {{ is_cut_by_silence() }} as is_cut,
            event_date,
            event_at,
            {{ stated_session_key() }} as named_session_key,
        from {{ arriving }}
        union all
        select
            source,
            machine_key,
            is_cut,
            event_date,
            event_at,
            case when not is_cut then session_key end as named_session_key,
        from leaving
    ),

    -- from the first to the last change of a machine's day; what lies between is cut anew too, to the same sessions
    stretches as (
        select
            source,
            machine_key,
            min(event_at) - {{ longest_silence() }} as begins_at,
            max(event_at) + {{ longest_silence() }} as ends_at,
        from changed
        where is_cut
        group by source, machine_key, event_date
    ),

    cut_sessions as (
        select distinct
            held.session_key,
            held.session_first_date,
            held.session_last_date,
        from held
        inner join stretches on held.source = stretches.source and held.machine_key = stretches.machine_key
        where held.is_cut and held.event_at between stretches.begins_at and stretches.ends_at
    ),

    named_sessions as (
        select distinct
            named_session_key as session_key,
            hash(named_session_key) as session_number,
        from changed
        where named_session_key is not null
    ),

    touched as (
        select
            session_key,
            cast(unnest(generate_series(session_first_date, session_last_date, interval 1 day)) as date) as event_date,
        from cut_sessions
        union
        select
            named_sessions.session_key,
            session_days.event_date,
        from named_sessions
        inner join {{ named_session_days }} as session_days
            on named_sessions.session_number = session_days.session_number
    )

    select * from touched

{% else %}

    select
        cast(null as varchar) as session_key,
        cast(null as date) as event_date,
    where false

{% endif %}
