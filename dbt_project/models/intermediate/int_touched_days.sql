{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_events') %}
{% set events = ref('int_events_sessionize') %}

{% if is_incremental() %}

    with

    days as (
        select event_date from {{ touched }}
        union
        select event_date from {{ events }}
        where build_number = {{ var('build_number') }}
    )

    select * from days

{% else %}

    select cast(null as date) as event_date
    where false

{% endif %}
