{# its lineage: the files of this source are named below, one by one #}
{% set lake_events = source('lake', 'events') %}
{% set parts = ref('int_parts') %}
{% set folder = var('lake')[:-4] %}

with

-- files named one by one: of a condition on their names DuckDB would learn only once they are open
events as (
    select * from read_parquet(
        [
            '{{ folder }}lake/events/*/schema.parquet'
            {{ files_of(folder, 'select part from ' ~ parts ~ ' where is_changed and is_standing order by part') }}
        ],
        hive_partitioning = true, filename = 'file'
    )
),

named as (
    select
        * exclude (file),
        substring(file, length('{{ folder }}') + 1) as part,
    from events
)

select * from named
