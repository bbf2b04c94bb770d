with

days as (
    select * from {{ ref('dim_days') }}
),

activity as (
    select * from {{ ref('int_daily_activity') }}
),

-- all of them, each night: a late order makes the refund of another day one of a known order
order_lines as (
    select
        event_date,
        {{ metric('orders') }} as orders,
        {{ metric('revenue') }} as revenue,
        {{ metric('refunds') }} as refunds,
        {{ metric('unmatched_refunds') }} as unmatched_refunds,
    from {{ ref('fct_order_items') }}
    group by event_date
),

every_day as (
    select
        days.date,
        coalesce(activity.users, 0) as users,
        coalesce(activity.sessions, 0) as sessions,
        coalesce(activity.views, 0) as views,
        coalesce(activity.carts, 0) as carts,
        coalesce(order_lines.orders, 0) as orders,
        coalesce(activity.sessions_with_view, 0) as sessions_with_view,
        coalesce(activity.sessions_with_cart, 0) as sessions_with_cart,
        coalesce(activity.sessions_with_order, 0) as sessions_with_order,
        coalesce(activity.converted_sessions, 0) as converted_sessions,
        coalesce(order_lines.revenue, 0) as revenue,
        coalesce(order_lines.refunds, 0) as refunds,
        coalesce(order_lines.unmatched_refunds, 0) as unmatched_refunds,
    from days
    left join activity on days.date = activity.event_date
    left join order_lines on days.date = order_lines.event_date
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
