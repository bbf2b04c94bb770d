with

shown as (
    select recommended.user_key, items.category, items.brand
    from serving.user_recommendations as recommended
    inner join warehouse.int_popular_items as items on recommended.item_id = items.item_id
),

counted as (
    select user_key, 'category' as capped, category as name, count(*) as item_count, getvariable('max_per_category') as cap
    from shown
    where category is not null
    group by user_key, category
    union all
    select user_key, 'brand' as capped, brand as name, count(*) as item_count, getvariable('max_per_brand') as cap
    from shown
    where brand is not null
    group by user_key, brand
)

select * from counted
where item_count > cap
