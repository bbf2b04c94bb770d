with

days as (
    select * from {{ ref('dim_days') }}
),

activity as (
    select * from {{ ref('int_daily_activity') }}
),

orders as (
    select * from {{ ref('int_daily_orders') }}
),

every_day as (
    select
        days.date,
        coalesce(activity.users, 0) as users,
        coalesce(activity.sessions, 0) as sessions,
        coalesce(activity.views, 0) as views,
        coalesce(activity.carts, 0) as carts,
        coalesce(orders.orders, 0) as orders,
        coalesce(activity.sessions_with_view, 0) as sessions_with_view,
        coalesce(activity.sessions_with_cart, 0) as sessions_with_cart,
        coalesce(activity.sessions_with_order, 0) as sessions_with_order,
        coalesce(activity.converted_sessions, 0) as converted_sessions,
        coalesce(orders.revenue, 0) as revenue,
        coalesce(orders.refunds, 0) as refunds,
        coalesce(orders.unmatched_refunds, 0) as unmatched_refunds,
    from days
    left join activity on days.date = activity.event_date
    left join orders on days.date = orders.event_date
),

kpis as (
    select
        *,
        {{ metric('view_to_cart_rate') }} as view_to_cart_rate,
        {{ metric('cart_to_order_rate') }} as cart_to_order_rate,
        {{ metric('conversion_rate') }} as conversion_rate,
        {{ metric('net_revenue') }} as net_revenue,
        {{ metric('average_order_value') }} as average_order_value,
    from every_day
)

select * from kpis
