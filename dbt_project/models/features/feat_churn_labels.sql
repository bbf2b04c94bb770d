with

persons as (
    select * from {{ ref('int_persons') }}
),

snapshots as (
    {{ labelled_snapshots() }}
),

-- an order is an event: who did nothing has not ordered either
person_days as (
    select
        persons.user_key as person_key,
        user_days.event_date,
        cast(sum(user_days.event_count) as bigint) as event_count,
    from {{ ref('fct_user_days') }} as user_days
    inner join persons on user_days.visitor_key = persons.visitor_key
    where user_days.event_date > (select min(snapshots.as_of_date) from snapshots)
    group by persons.user_key, user_days.event_date
),

labels as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        snapshots.horizon_days,
        count(person_days.person_key) = 0 as is_churned,
        cast(count(person_days.person_key) as integer) as active_day_count,
        cast(coalesce(sum(person_days.event_count), 0) as integer) as event_count,
    from snapshots
    left join person_days
        on
            snapshots.person_key = person_days.person_key
            and snapshots.as_of_date < person_days.event_date
            and snapshots.as_of_date + snapshots.horizon_days >= person_days.event_date
    group by snapshots.as_of_date, snapshots.user_key, snapshots.horizon_days
)

select * from labels
