with

items as (
    select * from {{ ref('dim_items') }}
),

recommendable_items as (
    select * from {{ ref('recommendable_items') }}
    where as_of_date = {{ run_date() }}
),

events as (
    select * from {{ ref('fct_events') }}
    where is_activity and item_id is not null and event_date > {{ run_date() }} - 30
),

popularity as (
    select
        item_id,
        {{ count_events('product_viewed') }} as view_count_30d,
        {{ count_events('order_completed') }} as purchase_count_30d,
        count(distinct coalesce(cast(actor_key as varchar), order_key)) as visitor_count_30d,
    from events
    group by item_id
),

features as (
    select
        items.item_id,
        items.title,
        items.category,
        items.top_category,
        items.brand,
        items.price,
        recommendable_items.item_id is not null as is_recommendable,
        coalesce(popularity.view_count_30d, 0) as view_count_30d,
        coalesce(popularity.purchase_count_30d, 0) as purchase_count_30d,
        coalesce(popularity.visitor_count_30d, 0) as visitor_count_30d,
    from items
    left join recommendable_items on items.item_id = recommendable_items.item_id
    left join popularity on items.item_id = popularity.item_id
)

select * from features
