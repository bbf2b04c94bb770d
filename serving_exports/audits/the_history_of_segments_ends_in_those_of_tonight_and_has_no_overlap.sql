with

followed as (
    select
        *,
        lead(valid_from) over (partition by user_key order by valid_from) as next_from
    from serving.user_segment_history
),

standing as (
    select user_key, segment from followed
    where valid_until is null
)

select user_key, 'overlap' as fault from followed
where valid_until <= valid_from or next_from < coalesce(valid_until, next_from + 1)
union all
select user_key, 'not as in user_segments' as fault
from standing
full join serving.user_segments as segments using (user_key)
where standing.segment is distinct from segments.segment
