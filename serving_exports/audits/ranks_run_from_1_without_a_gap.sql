-- A page asks for `rank <= 4` and expects four.
with

lists as (
    select cast(user_key as varchar) as list, rank from serving.user_recommendations
    union all
    select country as list, rank from serving.newcomer_recommendations
    union all
    select item_id || ' ' || relation as list, rank from serving.item_recommendations
)

select list from lists
group by list
having min(rank) != 1 or max(rank) != count(*)
