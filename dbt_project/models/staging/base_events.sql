{# its lineage: the files of this source are named below, one by one #}
{% set lake_events = source('lake', 'events') %}
{% set parts = ref('int_parts') %}
{% set folder = var('lake')[:-4] %}
{% set changed_parts %}
    select part from {{ parts }}
    where is_changed and is_standing and counted_hash is null
    order by part
{% endset %}

with

-- files named one by one: of a condition on their names DuckDB would learn only once they are open
events as (
    select * from read_parquet(
        [
            '{{ folder }}lake/events/*/schema.parquet'
            {{ files_of(folder, changed_parts) }}
        ],
        hive_partitioning = true, filename = 'file'
    )
),

named as (
    select
        * exclude (file),
        substring(file, length('{{ folder }}') + 1) as part,
    from events
),

repeats as (
    select base_repeats.* -- noqa: RF02
    from {{ ref('base_repeats') }} as base_repeats
    semi join {{ parts }} as parts on base_repeats.part = parts.part and parts.is_changed
),

with_repeats as (
    select * from named
    union all by name
    select * from repeats
)

select * from with_repeats
