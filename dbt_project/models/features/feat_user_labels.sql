{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_snapshot_people', 'by': ['as_of_date', 'user_key'], 'own': true}}
) }}

{% set last_persons = ref('int_last_persons') %}
{% set touched = ref('int_touched_user_days') %}
{% set snapshot_people = ref('int_snapshot_people') %}

with

-- whoever a key is found to belong to by the run date has done what its events say, even if nobody knew on the day
labelled as (
    {{ labelled_snapshots(ref('feat_user_snapshots'), var('horizons_days')) }}
),

{% if is_incremental() %}

    closed_windows as (
        select distinct
            as_of_date,
            horizon_days,
        from {{ this }}
    ),

    -- the snapshots of which a window is over since the last night, or holds something else than it did
    asked as (
        select
            labelled.as_of_date,
            labelled.user_key,
        from labelled
        anti join closed_windows
            on labelled.as_of_date = closed_windows.as_of_date and labelled.horizon_days = closed_windows.horizon_days
        union
        {{ people_known_otherwise('labelled', snapshot_people, last_persons, touched) }}
    ),

    snapshots as (
        select labelled.*
        from labelled
        semi join asked on labelled.as_of_date = asked.as_of_date and labelled.user_key = asked.user_key
    ),

{% else %}

    snapshots as (
        select * from labelled
    ),

{% endif %}

person_days as (
    {{ days_after('snapshots') }}
),

labels as (
    {{ user_labels('snapshots', 'person_days') }}
)

select * from labels
