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
    {% for step in range(3) -%}
        select
            'recommendations' as purpose,
            {{ recommendation_date(step) }} as as_of_date,
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

days as (
    select * from prediction_days
    union all
    select * from recommendation_days
)

select * from days
