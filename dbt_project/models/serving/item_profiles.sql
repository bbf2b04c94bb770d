with

items as (
    select * from {{ ref('dim_items') }}
),

features as (
    select * from {{ ref('feat_items') }}
    where as_of_date = {{ run_date() }}
),

profiles as (
    select
        items.item_id,
        items.title,
        items.category,
        items.brand,
        items.price,
        items.image_url,
        items.stock_quantity,
        coalesce(features.is_recommendable, false) as is_recommendable,
        coalesce(features.view_count_30d, 0) as view_count_30d,
        coalesce(features.cart_count_30d, 0) as cart_count_30d,
        coalesce(features.purchase_count_30d, 0) as purchase_count_30d,
        coalesce(features.purchase_count_90d, 0) as purchase_count_90d,
        features.view_conversion_rate,
        features.popularity_rank,
        items.last_sold_date,
        {{ run_date() }} as run_date,
    from items
    left join features on items.item_id = features.item_id
)

select * from profiles
