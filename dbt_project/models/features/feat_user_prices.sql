-- The price paid has to be 1 % below the usual one to count as a discount: less is rounding.
with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

numbers as (
    {{ person_numbers('people') }}
),

purchases as (
    select
        visitor_key,
        item_id,
        event_date,
        quantity,
        line_amount,
    from {{ ref('fct_order_items') }}
    where
        not is_refund
        and item_id is not null
        and quantity > 0
        and line_amount > 0
        and event_date > {{ before_snapshot_dates() }} - 365
),

usual_prices as (
    select * from {{ ref('int_usual_prices') }}
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
        people.person_number,
        people.as_of_date - purchases.event_date < 90 as is_last_quarter,
        purchases.quantity,
        purchases.line_amount,
        purchases.line_amount * 100
        < cast(purchases.quantity as decimal(18, 0)) * usual_prices.usual_price * 99 as is_discounted,
        purchases.quantity * item_medians.median_price as median_amount,
    from people
    inner join purchases
        on
            people.visitor_key = purchases.visitor_key
            and people.as_of_date >= purchases.event_date
            and people.as_of_date - 365 < purchases.event_date
    left join usual_prices
        on purchases.item_id = usual_prices.item_id and purchases.event_date = usual_prices.event_date
    left join item_medians
        on people.as_of_date = item_medians.as_of_date and purchases.item_id = item_medians.item_id
),

sums as (
    select
        person_number,
        round(
            cast(sum(line_amount) filter (where is_last_quarter) as double)
            / sum(quantity) filter (where is_last_quarter), 6
        ) as mean_item_price,
        round(
            cast(sum(line_amount) filter (where median_amount is not null) as double)
            / nullif(cast(sum(median_amount) as double), 0), 6
        ) as price_level,
        round(
            cast(coalesce(sum(line_amount) filter (where is_discounted), 0) as double)
            / nullif(sum(line_amount) filter (where is_discounted is not null), 0), 6
        ) as discount_share,
    from recent
    group by person_number
),

prices as (
    select
        numbers.as_of_date,
        numbers.user_key,
        sums.mean_item_price,
        sums.price_level,
        sums.discount_share,
    from sums
    inner join numbers on sums.person_number = numbers.person_number
)

select * from prices
