with

deliveries as (
    select * from {{ source('lake', 'deliveries') }}
    where landed_date <= {{ run_date() }}
),

parts as (
    select
        parts[1] as delivery_part,
        unnest(parts) as part,
    from deliveries
),

late_lines as (
    select
        parts.delivery_part,
        cast(sum(part_days.late_event_count) as bigint) as late_event_count,
    from {{ ref('int_part_days') }} as part_days
    inner join parts on part_days.part = parts.part
    group by parts.delivery_part
),

counted as (
    select
        deliveries.kind,
        deliveries.source,
        deliveries.file,
        deliveries.parts[1] as part,
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
    left join late_lines on deliveries.parts[1] = late_lines.delivery_part
),

described as (
    select
        *,
        replaced_date is null as is_standing,
    from counted
)

select * from described
