-- Nothing inactive or out of stock is shown, nothing the user bought a few days ago, and nothing the shop does not know.
with

recommendations as (
    select user_key, item_id from serving.user_recommendations
    union all
    select null as user_key, item_id from serving.newcomer_recommendations
),

not_recommendable as (
    select user_key, item_id from recommendations
    where item_id not in (
        select item_id from warehouse.recommendable_items
        where as_of_date = getvariable('run_date')
    )
),

excluded as (
    select user_key, item_id from recommendations
    intersect
    select user_key, item_id from warehouse.excluded_items
    where as_of_date = getvariable('run_date')
)

select * from not_recommendable
union all
select * from excluded
