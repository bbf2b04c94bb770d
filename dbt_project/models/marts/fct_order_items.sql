{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_order_lines', 'by': ['event_id'], 'day': 'event_date', 'within_day': 'visitor_key'}}
) }}

{% set touched = ref('int_touched_order_lines') %}

with

order_lines as (
    select order_lines.* from {{ ref('int_order_lines') }} as order_lines
    {% if is_incremental() %}
        semi join {{ touched }} as touched on order_lines.event_id = touched.event_id
        where {{ on_days('order_lines.event_date', 'select distinct event_date from ' ~ touched) }}
    {% endif %}
),

order_refunds as (
    select * from {{ ref('int_orders_refund') }}
),

lines as (
    select
        order_lines.event_id,
        order_lines.order_key,
        order_lines.order_id,
        order_lines.item_id,
        order_lines.actor_key as visitor_key,
        order_lines.currency,
        coalesce(order_lines.quantity, 1) as quantity,
        order_lines.price,
        coalesce(order_lines.line_amount, order_refunds.refunded_amount) as line_amount,
        order_lines.event_at,
        order_lines.event_date,
        order_lines.is_refund,
    from order_lines
    left join order_refunds on order_lines.event_id = order_refunds.event_id
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
        case when lines.is_refund then -lines.line_amount else lines.line_amount end as net_amount,
        case when not lines.is_refund then cast(coalesce(refunded.quantity, 0) as bigint) end as refunded_quantity,
        case when not lines.is_refund then cast(coalesce(refunded.amount, 0) as decimal(18, 2)) end as refunded_amount,
        case when lines.is_refund then ordered.order_key is not null end as is_of_known_order,
    from lines
    left join refunded on lines.event_id = refunded.event_id
    left join ordered on lines.order_key = ordered.order_key
)

select * from netted
order by event_date, visitor_key
