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
        view_to_cart_rate,
        cart_to_order_rate,
        conversion_rate,
        revenue,
        refunds,
        {{ run_date() }} as run_date,
    from kpis
)

select * from published
