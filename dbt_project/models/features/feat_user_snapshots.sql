{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_snapshot_people', 'by': ['as_of_date', 'user_key']}}
) }}

with

activity as (
    select * from {{ ref('feat_user_activity') }}
),

orders as (
    select * from {{ ref('feat_user_orders') }}
),

carts as (
    select * from {{ ref('feat_user_carts') }}
),

times as (
    select * from {{ ref('feat_user_times') }}
),

tastes as (
    select * from {{ ref('feat_user_tastes') }}
),

prices as (
    select * from {{ ref('feat_user_prices') }}
),

snapshots as (
    select
        activity.*,
        orders.* exclude (as_of_date, user_key), -- noqa: RF02
        coalesce(carts.open_cart_count, 0) as open_cart_count,
        coalesce(carts.abandoned_cart_count_30d, 0) as abandoned_cart_count_30d,
        coalesce(carts.abandoned_cart_count_90d, 0) as abandoned_cart_count_90d,
        carts.cart_abandonment_share_30d,
        carts.cart_abandonment_share_90d,
        times.* exclude (as_of_date, user_key), -- noqa: RF02
        coalesce(tastes.category_count_90d, 0) as category_count_90d,
        coalesce(tastes.brand_count_90d, 0) as brand_count_90d,
        prices.mean_item_price,
        tastes.top_category,
        tastes.top_category_share,
        tastes.category_concentration,
        tastes.top_brand,
        tastes.top_brand_share,
        tastes.brand_concentration,
        prices.price_level,
        prices.discount_share,
    from activity
    inner join orders on activity.as_of_date = orders.as_of_date and activity.user_key = orders.user_key
    inner join times on activity.as_of_date = times.as_of_date and activity.user_key = times.user_key
    left join carts on activity.as_of_date = carts.as_of_date and activity.user_key = carts.user_key
    left join tastes on activity.as_of_date = tastes.as_of_date and activity.user_key = tastes.user_key
    left join prices on activity.as_of_date = prices.as_of_date and activity.user_key = prices.user_key
)

-- a day's rows lie together: the next night deletes those of the run date, and of rows deleted from all over the table
-- DuckDB would write all of it anew
select * from snapshots
order by as_of_date
