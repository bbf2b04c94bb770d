with

events as (
    select * from {{ ref('fct_events') }}
),

order_events as (
    select
        events.* exclude (line_amount),
        coalesce(events.line_amount, refunds.refunded_amount) as line_amount,
    from events
    left join {{ ref('int_orders_refund') }} as refunds on events.event_id = refunds.event_id
    where events.event_type in ('order_completed', 'order_refunded')
),

lines as (
    select
        event_id,
        order_key,
        order_id,
        item_id,
        actor_key as visitor_key,
        currency,
        coalesce(quantity, 1) as quantity,
        price,
        line_amount,
        event_at,
        event_date,
        event_type = 'order_refunded' as is_refund,
        case when event_type = 'order_refunded' then -line_amount else line_amount end as net_amount,
    from order_events
)

select * from lines
