with

as_of_dates as (
    select distinct as_of_date from {{ ref('int_as_of_dates') }}
),

deliveries as (
    select * from {{ ref('stg_items') }}
),

sales as (
    select
        item_id,
        event_date,
        -- the price of an item that no catalogue prices: the day's median
        cast(median(price) as decimal(18, 4)) as price,
    from {{ ref('int_events_sessionize') }}
    where event_type = 'order_completed' and item_id is not null
    group by item_id, event_date
),

last_deliveries as (
    select
        as_of_dates.as_of_date,
        deliveries.*,
    from as_of_dates
    inner join deliveries on as_of_dates.as_of_date >= deliveries.landed_date
    qualify row_number() over (
        partition by as_of_dates.as_of_date, deliveries.item_id order by deliveries.landed_date desc
    ) = 1
),

last_sales as (
    select
        as_of_dates.as_of_date,
        sales.item_id,
        sales.price as last_sold_price,
        sales.event_date as last_sold_date,
    from as_of_dates
    inner join sales on as_of_dates.as_of_date >= sales.event_date
    qualify row_number() over (
        partition by as_of_dates.as_of_date, sales.item_id order by sales.event_date desc
    ) = 1
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
        last_deliveries.stock_quantity,
        last_deliveries.is_active,
        last_sales.last_sold_date,
        last_deliveries.item_id is not null as is_in_catalogue,
        coalesce(last_deliveries.price, last_sales.last_sold_price) as price,
    from last_deliveries
    full join last_sales using (as_of_date, item_id)
)

select * from items
