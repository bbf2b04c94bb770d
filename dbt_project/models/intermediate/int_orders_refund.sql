with

order_lines as not materialized (
    select * from {{ ref('int_order_lines') }}
    where order_key is not null
),

refunds as (
    select
        *,
        row_number() over (partition by order_key order by event_at, event_id) as nth,
    from order_lines
    where is_refund and item_id is null and price is null
),

-- of the few orders that were refunded whole alone
balances as (
    select
        event_id,
        sum(case when is_refund then -line_amount else line_amount end) over (
            partition by order_key order by event_at, event_id
            rows between unbounded preceding and 1 preceding
        ) as amount,
    from order_lines
    where order_lines.order_key in (select refunds.order_key from refunds)
),

refunded as (
    select
        refunds.event_id,
        refunds.order_key,
        refunds.actor_key,
        refunds.event_date,
        case
            when balances.amount is null then null
            when refunds.nth > 1 then 0
            else cast(greatest(balances.amount, 0) as decimal(18, 2))
        end as refunded_amount,
    from refunds
    inner join balances on refunds.event_id = balances.event_id
)

select * from refunded
