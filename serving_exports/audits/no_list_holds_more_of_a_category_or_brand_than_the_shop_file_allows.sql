with

lists as (
    select cast(user_key as varchar) as list, item_id from serving.user_recommendations
    union all
    select country as list, item_id from serving.newcomer_recommendations
),

shown as (
    select recommended.list, items.category, items.brand
    from lists as recommended
    inner join warehouse.int_popular_items as items on recommended.item_id = items.item_id
),

counted as (
    select list, 'category' as capped, category as name, count(*) as item_count, getvariable('max_per_category') as cap
    from shown
    where category is not null
    group by list, category
    union all
    select list, 'brand' as capped, brand as name, count(*) as item_count, getvariable('max_per_brand') as cap
    from shown
    where brand is not null
    group by list, brand
)

select * from counted
where item_count > cap
