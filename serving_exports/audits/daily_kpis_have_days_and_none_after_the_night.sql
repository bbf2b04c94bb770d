-- An empty table of days means that nothing was ever read; a day to come means that a clock was wrong.
with

days as (
    select count(*) as day_count, max(date) as last_date from serving.daily_kpis
)

select * from days
where day_count = 0 or last_date > getvariable('run_date')
