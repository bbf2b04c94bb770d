-- A page with k places shows k items. Fewer only where the shop has fewer: what is recommendable, less what this user
-- may not be shown.
with

recommendable as (
    select item_id from warehouse.recommendable_items
    where as_of_date = getvariable('run_date')
),

excluded as (
    select excluded_items.user_key, count(*) as excluded_count
    from warehouse.excluded_items as excluded_items
    inner join recommendable on excluded_items.item_id = recommendable.item_id
    where excluded_items.as_of_date = getvariable('run_date')
    group by excluded_items.user_key
),

recommended as (
    select user_key, count(*) as item_count from serving.user_recommendations
    group by user_key
),

compared as (
    select
        eligibility.user_key,
        coalesce(recommended.item_count, 0) as item_count,
        least(getvariable('k'), (select count(*) from recommendable) - coalesce(excluded.excluded_count, 0)) as expected_count,
    from warehouse.int_user_eligibility as eligibility
    left join excluded on eligibility.user_key = excluded.user_key
    left join recommended on eligibility.user_key = recommended.user_key
    where eligibility.is_eligible
)

select * from compared
where item_count != expected_count
