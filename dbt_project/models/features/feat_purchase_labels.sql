{% set horizon_days = 7 %}

with

snapshots as (
    select
        as_of_date,
        user_key,
    from {{ ref('feat_user_snapshots') }}
    -- a window that is not over yet has no answer
    where as_of_date + {{ horizon_days }} <= {{ run_date() }}
),

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'predictions'
),

user_days as (
    select * from {{ ref('fct_user_days') }}
    where order_count > 0
),

purchases as (
    select
        people.as_of_date,
        people.user_key,
        cast(sum(user_days.order_count) as integer) as order_count,
        cast(sum(user_days.order_amount) as decimal(18, 2)) as order_amount,
    from people
    inner join user_days
        on
            people.visitor_key = user_days.visitor_key
            and people.as_of_date < user_days.event_date
            and people.as_of_date + {{ horizon_days }} >= user_days.event_date
    group by people.as_of_date, people.user_key
),

labels as (
    select
        snapshots.as_of_date,
        snapshots.user_key,
        {{ horizon_days }} as horizon_days,
        purchases.user_key is not null as is_purchaser,
        coalesce(purchases.order_count, 0) as order_count,
        coalesce(purchases.order_amount, 0) as order_amount,
    from snapshots
    left join purchases
        on snapshots.as_of_date = purchases.as_of_date and snapshots.user_key = purchases.user_key
)

select * from labels
