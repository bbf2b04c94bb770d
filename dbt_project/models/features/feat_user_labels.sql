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

    persons as (
        select
            visitor_key,
            user_key,
        from {{ ref('int_persons') }}
    ),

    last_persons as (
        select * from {{ last_persons }}
    ),

    -- another key, or one less, changes all that a person is found to have done
    other_persons as (
        (
            select * from persons
            except
            select * from last_persons
        )
        union all
        (
            select * from last_persons
            except
            select * from persons
        )
    ),

    changed_persons as (
        select distinct user_key from other_persons
    ),

    touched_days as (
        select distinct
            persons.user_key,
            touched.event_date,
        from {{ touched }} as touched
        inner join persons on touched.visitor_key = persons.visitor_key
    ),

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
        select
            as_of_date,
            user_key,
        from {{ snapshot_people }}
        union
        select
            labelled.as_of_date,
            labelled.user_key,
        from labelled
        semi join changed_persons on labelled.person_key = changed_persons.user_key
        union
        select
            labelled.as_of_date,
            labelled.user_key,
        from labelled
        inner join touched_days
            on
                labelled.person_key = touched_days.user_key
                and labelled.as_of_date < touched_days.event_date
                and labelled.as_of_date + labelled.horizon_days >= touched_days.event_date
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
