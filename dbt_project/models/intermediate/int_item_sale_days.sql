with

order_items as (
    select * from {{ ref('fct_order_items') }}
    where not is_refund and item_id is not null
),

sale_days as (
    select
        item_id,
        event_date,
        cast(median(price) as decimal(18, 4)) as median_price,
    from order_items
    group by item_id, event_date
)

select * from sale_days
