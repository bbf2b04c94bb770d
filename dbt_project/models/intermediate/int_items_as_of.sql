with

as_of_dates as (
    select distinct as_of_date from {{ ref('int_as_of_dates') }}
),

deliveries as (
    select * from {{ ref('stg_items') }}
),

sale_days as (
    select * from {{ ref('int_item_sale_days') }}
),

delivered_items as (
    select distinct item_id from deliveries
),

sold_items as (
    select distinct item_id from sale_days
),

-- the newest of each day is looked up; a join with all that is older would be as long as the history
last_deliveries as (
    select
        as_of_dates.as_of_date,
        deliveries.*,
    from as_of_dates
    cross join delivered_items
    asof inner join deliveries
        on delivered_items.item_id = deliveries.item_id and as_of_dates.as_of_date >= deliveries.landed_date
),

last_sales as (
    select
        as_of_dates.as_of_date,
        sale_days.item_id,
        sale_days.median_price as last_sold_price,
        sale_days.event_date as last_sold_date,
    from as_of_dates
    cross join sold_items
    asof inner join sale_days
        on sold_items.item_id = sale_days.item_id and as_of_dates.as_of_date >= sale_days.event_date
),

items as (
    select
        as_of_date,
        item_id,
        last_deliveries.title,
        last_deliveries.description,
        last_deliveries.category,
        last_deliveries.brand,
        last_deliveries.image_url,
        last_deliveries.item_group_id,
        last_deliveries.stock_quantity,
        last_deliveries.is_active,
        last_sales.last_sold_date,
        last_deliveries.item_id is not null as is_in_catalogue,
        coalesce(last_deliveries.price, last_sales.last_sold_price) as price,
    from last_deliveries
    full join last_sales using (as_of_date, item_id)
)

select * from items
