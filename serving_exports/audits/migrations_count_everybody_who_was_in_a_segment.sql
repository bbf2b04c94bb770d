with

counted as (
    select
        week,
        sum(people) filter (where to_segment <> 'gone') as people
    from serving.segment_migrations
    group by week
)

select counted.week, counted.people, count(history.user_key) as people_in_history
from counted
left join serving.user_segment_history as history
    on counted.week >= history.valid_from and counted.week < coalesce(history.valid_until, counted.week + 1)
group by counted.week, counted.people
having counted.people is distinct from count(history.user_key)
