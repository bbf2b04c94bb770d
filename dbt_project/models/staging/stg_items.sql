with

items as (
    select * from {{ source('lake', 'items') }}
),

known as (
    select
        item_id,
        title,
        description,
        category,
        brand,
        currency,
        image_url,
        price,
        stock_quantity,
        is_active,
        item_group_id,
        landed_date,
    from items
    -- two sources may deliver an item on one day: the first by name wins
    qualify row_number() over (partition by item_id, landed_date order by source) = 1
)

select * from known
