with

counted as (
    select
        audience_id,
        count(*) as size,
        count(*) filter (where treatment = 'treated') as treated_count,
        count(*) filter (where treatment = 'holdout') as holdout_count
    from serving.audience_members
    group by audience_id
)

select audience_id, audiences.size, counted.size as members, audiences.max_people
from serving.audiences as audiences
full join counted using (audience_id)
where
    audiences.size is distinct from coalesce(counted.size, 0)
    or audiences.treated_count is distinct from coalesce(counted.treated_count, 0)
    or audiences.holdout_count is distinct from coalesce(counted.holdout_count, 0)
    or audiences.size > audiences.max_people
    or audiences.is_eligible is distinct from (audiences.size > 0)
    or audiences.is_eligible is distinct from (audiences.ineligible_reason is null)
