-- A page with k places shows k items. Fewer only where the shop has fewer: what is recommendable, less what this user
-- may not be shown. Under caps per category or brand, of the items of turn 1, which keep the caps together, each that is
-- missing has been passed over for a shown one, and each shown one closes its category and its brand to one item each.
with

recommendable as (
    select item_id from warehouse.recommendable_items
    where as_of_date = getvariable('run_date')
),

sizes as (
    select
        (select count(*) from recommendable) as recommendable_count,
        (select count(*) from warehouse.int_popular_items where turn = 1) as uncapped_count,
),

excluded as (
    select user_key, count(distinct excluded_items.item_id) as excluded_count
    from warehouse.excluded_items as excluded_items
    inner join recommendable on excluded_items.item_id = recommendable.item_id
    where excluded_items.as_of_date = getvariable('run_date')
    group by user_key
),

recommended as (
    select user_key, count(*) as item_count from serving.user_recommendations
    group by user_key
),

compared as (
    select
        eligibility.user_key,
        coalesce(recommended.item_count, 0) as item_count,
        least(getvariable('k'), recommendable_count - coalesce(excluded_count, 0)) as most,
        case
            when uncapped_count = recommendable_count then most
            else least(getvariable('k'), ceil((uncapped_count - coalesce(excluded_count, 0)) / 3))
        end as fewest,
    from warehouse.int_user_eligibility as eligibility
    cross join sizes
    left join excluded on eligibility.user_key = excluded.user_key
    left join recommended on eligibility.user_key = recommended.user_key
    where eligibility.is_eligible
)

select * from compared
where item_count < fewest or item_count > most
