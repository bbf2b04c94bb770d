with

people as (
    select * from {{ ref('int_segmented_people') }}
),

days as (
    select
        as_of_date,
        row_number() over (order by as_of_date) as place,
        lead(as_of_date) over (order by as_of_date) as next_date,
    from (select distinct people.as_of_date from people) as as_of_dates
),

-- the days of one stay are as far from their place among all days as from that among the person's in the segment
stays as (
    select
        people.user_key,
        people.segment,
        people.as_of_date,
        days.next_date,
        days.place - row_number() over (
            partition by people.user_key, people.segment order by people.as_of_date
        ) as stay,
    from people
    inner join days on people.as_of_date = days.as_of_date
),

history as (
    select
        user_key,
        min(as_of_date) as valid_from,
        segment,
        case when max(as_of_date) < {{ run_date() }} then max(next_date) end as valid_until,
        {{ run_date() }} as run_date,
    from stays
    group by user_key, segment, stay
)

select
    user_key,
    valid_from,
    segment,
    valid_until,
    run_date,
from history
