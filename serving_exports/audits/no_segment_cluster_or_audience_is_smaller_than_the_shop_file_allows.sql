-- Where all people together are too few, all of them are `other`.
with

groups as (
    select 'segment' as kind, segment as name, count(*) as people from serving.user_segments
    where segment <> 'other' or (select count(distinct segment) from serving.user_segments) > 1
    group by segment
    union all
    select 'cluster', cast(cluster_id as varchar), count(*) from serving.user_segments
    where cluster_id is not null
    group by cluster_id
    union all
    select 'audience', audience_id, count(*) from serving.audience_members
    group by audience_id
)

select * from groups
where people < getvariable('min_people')
