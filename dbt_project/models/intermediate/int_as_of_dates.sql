with

prediction_days as (
    select
        'predictions' as purpose,
        {{ run_date() }} - {{ var('snapshot_every_days') }} * cast(step as integer) as as_of_date,
    from range({{ var('snapshot_count') }} + 1) as steps (step)
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
