with

items as (
    select * from {{ ref('int_items_as_of') }}
    where as_of_date = {{ run_date() }}
),

met as (
    select distinct item_id from {{ ref('fct_item_days') }}
),

described as (
    select
        coalesce(items.item_id, met.item_id) as item_id,
        items.title,
        items.description,
        items.category,
        {{ top_category('items.category') }} as top_category,
        items.brand,
        items.image_url,
        items.item_group_id,
        items.price,
        items.stock_quantity,
        items.is_active,
        items.last_sold_date,
        coalesce(items.is_in_catalogue, false) as is_in_catalogue,
    from items
    full join met on items.item_id = met.item_id
)

select * from described
