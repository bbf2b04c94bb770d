with

days as (
    select * from {{ ref('dim_days') }}
),

events as (
    select
        event_date,
        {{ metric('users') }} as users,
        {{ metric('views') }} as views,
        {{ metric('carts') }} as carts,
    from {{ ref('fct_events') }}
    group by event_date
),

sessions as (
    select
        session_date,
        {{ metric('sessions') }} as sessions,
        {{ metric('sessions_with_view') }} as sessions_with_view,
        {{ metric('sessions_with_cart') }} as sessions_with_cart,
        {{ metric('sessions_with_order') }} as sessions_with_order,
        {{ metric('converted_sessions') }} as converted_sessions,
    from {{ ref('fct_sessions') }}
    group by session_date
),

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
        coalesce(events.users, 0) as users,
        coalesce(sessions.sessions, 0) as sessions,
        coalesce(events.views, 0) as views,
        coalesce(events.carts, 0) as carts,
        coalesce(order_lines.orders, 0) as orders,
        coalesce(sessions.sessions_with_view, 0) as sessions_with_view,
        coalesce(sessions.sessions_with_cart, 0) as sessions_with_cart,
        coalesce(sessions.sessions_with_order, 0) as sessions_with_order,
        coalesce(sessions.converted_sessions, 0) as converted_sessions,
        coalesce(order_lines.revenue, 0) as revenue,
        coalesce(order_lines.refunds, 0) as refunds,
        coalesce(order_lines.unmatched_refunds, 0) as unmatched_refunds,
    from days
    left join events on days.date = events.event_date
    left join sessions on days.date = sessions.session_date
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
