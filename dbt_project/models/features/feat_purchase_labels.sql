with

persons as (
    select * from {{ ref('int_persons') }}
),

-- whoever a key is found to belong to by the run date has bought what its orders say, even if nobody knew on the day
snapshots as (
    {{ labelled_snapshots() }}
),

person_days as (
    select
        persons.user_key as person_key,
        user_days.event_date,
        user_days.order_count,
        user_days.order_amount,
    from {{ ref('fct_user_days') }} as user_days
    inner join persons on user_days.visitor_key = persons.visitor_key
    where user_days.order_count > 0 and user_days.event_date > (select min(snapshots.as_of_date) from snapshots)
),

labels as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        snapshots.horizon_days,
        count(person_days.person_key) > 0 as is_purchaser,
        cast(coalesce(sum(person_days.order_count), 0) as integer) as order_count,
        cast(coalesce(sum(person_days.order_amount), 0) as decimal(18, 2)) as order_amount,
    from snapshots
    left join person_days
        on
            snapshots.person_key = person_days.person_key
            and snapshots.as_of_date < person_days.event_date
            and snapshots.as_of_date + snapshots.horizon_days >= person_days.event_date
    group by snapshots.as_of_date, snapshots.user_key, snapshots.horizon_days
)

select * from labels
