with

deliveries as (
    select * from {{ source('lake', 'deliveries') }}
    where landed_date <= {{ run_date() }}
),

late_lines as (
    select
        part,
        count(*) as late_event_count,
    from {{ ref('stg_events') }}
    where is_late
    group by part
),

counted as (
    select
        deliveries.kind,
        deliveries.source,
        deliveries.file,
        deliveries.part,
        deliveries.landed_date,
        -- what replaced it after the run date is not known yet
        case when deliveries.replaced_date <= {{ run_date() }} then deliveries.replaced_date end as replaced_date,
        deliveries.read_count,
        deliveries.landed_count,
        deliveries.quarantined_count,
        deliveries.duplicate_count,
        deliveries.skipped_count,
        deliveries.event_line_count,
        coalesce(late_lines.late_event_count, 0) as late_event_count,
    from deliveries
    left join late_lines on deliveries.part = late_lines.part
),

described as (
    select
        *,
        replaced_date is null as is_standing,
    from counted
)

select * from described
