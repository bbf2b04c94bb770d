with

kpis as (
    select * from {{ ref('fct_daily_kpis') }}
),

published as (
    select
        date,
        users,
        sessions,
        views,
        carts,
        orders,
        sessions_with_view,
        sessions_with_cart,
        sessions_with_order,
        converted_sessions,
        view_to_cart_rate,
        cart_to_order_rate,
        conversion_rate,
        revenue,
        refunds,
        unmatched_refunds,
        net_revenue,
        average_order_value,
        {{ run_date() }} as run_date,
    from kpis
)

select * from published
