with

snapshot_days as (
    {{ snapshot_dates() }}
),

prediction_days as (
    select
        'predictions' as purpose,
        as_of_date,
    from snapshot_days
),

recommendation_days as (
    select
        'recommendations' as purpose,
        {{ run_date() }} - {{ var('holdout_days') }} * cast(step as integer) as as_of_date,
    from range(3) as steps (step)
),

days as (
    select * from prediction_days
    union all
    select * from recommendation_days
)

select * from days
