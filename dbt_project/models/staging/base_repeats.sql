{{ config(materialized='table') }}

{# its lineage: the files of this source are named below, one by one #}
{% set lake_repeats = source('lake', 'repeats') %}
{% set deliveries = source('lake', 'deliveries') %}
{% set folder = var('lake')[:-4] %}
{% set standing_parts %}
    select unnest(parts) as part
    from {{ deliveries }}
    where kind = 'events' and {{ stands() }}
{% endset %}
{# of most nights none: then neither they nor the events are opened #}
{% set missed_parts %}
    select distinct repeated.part
    from (
        select
            part,
            unnest(holders) as holder,
        from (
            select
                unnest(repeats) as part,
                holders,
            from {{ deliveries }}
            where kind = 'events' and {{ stands() }}
        ) as listed
    ) as repeated
    anti join ({{ standing_parts }}) as standing on repeated.holder = standing.part
    order by repeated.part
{% endset %}

with

standing as (
    {{ standing_parts }}
),

repeats as (
    select * from read_parquet(
        [
            '{{ folder }}lake/repeats/*/schema.parquet'
            {{ files_of(folder, missed_parts) }}
        ],
        hive_partitioning = true, filename = 'file'
    )
),

missed as (
    select
        repeats.* exclude (file, held_by), -- noqa: RF02
        substring(repeats.file, length('{{ folder }}') + 1) as part,
        regexp_replace(repeats.event_id, '#[0-9]+$', '') as record_id,
    from repeats
    anti join standing on repeats.held_by = standing.part
),

-- another delivery may have brought the event since; one that replaced the holder, say
held as (
    select event_id from read_parquet(
        [
            '{{ folder }}lake/events/*/schema.parquet'
            {{ files_of(folder, standing_parts ~ ' and exists (' ~ missed_parts ~ ')') }}
        ]
    )
),

-- a record counts whole, with its first line, and once: of the first delivery, since the path begins with the day
counted as (
    select missed.* exclude (record_id) -- noqa: RF02
    from missed
    anti join held on missed.record_id || '#1' = held.event_id
    qualify missed.part = min(missed.part) over (partition by missed.record_id)
)

select * from counted
