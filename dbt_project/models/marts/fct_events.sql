with

events as (
    select * from {{ ref('int_events_sessionize') }}
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

valued as (
    select
        events.event_id,
        events.source,
        events.event_type,
        events.session_key,
        events.item_id,
        events.order_id,
        events.currency,
        events.query,
        events.recommendation_id,
        events.campaign_id,
        events.treatment,
        events.visitor_key,
        events.device_key,
        events.quantity,
        events.price,
        events.rating,
        events.position,
        events.event_at,
        events.event_local_at,
        events.event_date,
        events.landed_date,
        date_diff('day', events.event_date, events.landed_date) as lateness_days,
        coalesce(visitors.is_bot, false) as is_bot,
        case
            when
                events.event_type in ('order_completed', 'order_refunded')
                and coalesce(events.currency, '{{ var("currency") }}') = '{{ var("currency") }}'
                then cast(round(coalesce(events.quantity, 1) * events.price, 2) as decimal(18, 2))
        end as line_amount,
    from events
    left join visitors on events.visitor_key = visitors.visitor_key
)

select * from valued
