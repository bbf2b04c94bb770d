with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

purchases as (
    select * from {{ ref('int_purchases_price') }}
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

-- without categories, the median of all items
category_prices as (
    select
        as_of_date,
        coalesce(category, '') as category,
        cast(median(price) as decimal(18, 4)) as median_price,
    from items
    where price > 0
    group by as_of_date, coalesce(category, '')
),

item_medians as (
    select
        items.as_of_date,
        items.item_id,
        category_prices.median_price,
    from items
    inner join category_prices
        on items.as_of_date = category_prices.as_of_date and coalesce(items.category, '') = category_prices.category
),

recent as (
    select
        people.as_of_date,
        people.user_key,
        purchases.purchase_quantity,
        purchases.purchase_amount,
        purchases.is_discounted,
        purchases.purchase_quantity * item_medians.median_price as median_amount,
    from people
    inner join purchases
        on
            people.visitor_key = purchases.visitor_key
            and people.as_of_date >= purchases.event_date
            and people.as_of_date - 365 < purchases.event_date
    left join item_medians
        on people.as_of_date = item_medians.as_of_date and purchases.item_id = item_medians.item_id
),

prices as (
    select
        as_of_date,
        user_key,
        round(
            cast(sum(purchase_amount) filter (where median_amount is not null) as double)
            / nullif(cast(sum(median_amount) as double), 0), 6
        ) as price_level,
        round(
            cast(coalesce(sum(purchase_amount) filter (where is_discounted), 0) as double)
            / nullif(sum(purchase_amount) filter (where is_discounted is not null), 0), 6
        ) as discount_share,
    from recent
    group by as_of_date, user_key
)

select * from prices
