with

people as (
    select * from {{ ref('int_segmented_people') }}
),

-- of the days before the run date the last of each week
weeks as (
    select
        max(as_of_date) as week,
        lag(max(as_of_date)) over (order by max(as_of_date)) as previous_week,
    from people
    where as_of_date < {{ run_date() }}
    group by date_trunc('week', as_of_date)
),

before as (
    select
        weeks.week,
        people.user_key,
        people.segment,
    from people
    inner join weeks on people.as_of_date = weeks.previous_week
),

after as (
    select
        weeks.week,
        people.user_key,
        people.segment,
    from people
    inner join weeks on people.as_of_date = weeks.week and weeks.previous_week is not null
),

migrations as (
    select
        week,
        coalesce(before.segment, 'arrived') as from_segment,
        coalesce(after.segment, 'gone') as to_segment,
        cast(count(*) as integer) as people,
    from before
    full join after using (week, user_key)
    group by week, from_segment, to_segment
),

dated as (
    select
        migrations.*,
        weeks.previous_week,
        {{ run_date() }} as run_date,
    from migrations
    inner join weeks on migrations.week = weeks.week
)

select
    week,
    from_segment,
    to_segment,
    people,
    previous_week,
    run_date,
from dated
