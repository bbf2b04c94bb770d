-- It is the one place that names the build, so there is exactly one.
with

manifest as (
    select count(*) as row_count, count(*) filter (where run_date = getvariable('run_date')) as night_count
    from serving.run_manifest
)

select * from manifest
where row_count != 1 or night_count != 1
