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
),

ordered as (
    select distinct order_key from lines
    where not is_refund
),

refunds as (
    select
        order_key,
        item_id,
        sum(quantity) as quantity,
        coalesce(sum(line_amount), 0) as amount,
    from lines
    where is_refund and order_key is not null and item_id is not null
    group by order_key, item_id
),

-- of several lines of one item in one order, the first is refunded first, and none beyond what it says
refunded as (
    select
        lines.event_id,
        least(lines.quantity, greatest(0, refunds.quantity - coalesce(sum(lines.quantity) over before, 0)))
            as quantity,
        -- least() passes over nulls: of an unknown amount nothing comes back
        least(
            coalesce(lines.line_amount, 0),
            greatest(0, refunds.amount - coalesce(sum(lines.line_amount) over before, 0))
        ) as amount,
    from lines
    inner join refunds on lines.order_key = refunds.order_key and lines.item_id = refunds.item_id
    where not lines.is_refund
    window before as (
        partition by lines.order_key, lines.item_id order by lines.event_at, lines.event_id
        rows between unbounded preceding and 1 preceding
    )
),

netted as (
    select
        lines.*,
        case when not lines.is_refund then cast(coalesce(refunded.quantity, 0) as bigint) end as refunded_quantity,
        case when not lines.is_refund then cast(coalesce(refunded.amount, 0) as decimal(18, 2)) end as refunded_amount,
        case when lines.is_refund then ordered.order_key is not null end as is_of_known_order,
    from lines
    left join refunded on lines.event_id = refunded.event_id
    left join ordered on lines.order_key = ordered.order_key
)

select * from netted
