{{ config(materialized='view') }}

with

events as (
    select * from {{ ref('int_events_sessionize') }}
),

valued as (
    select
        event_id,
        source,
        event_type,
        session_key,
        item_id,
        order_id,
        {{ order_key() }} as order_key,
        currency,
        query,
        recommendation_id,
        campaign_id,
        treatment,
        visitor_key,
        device_key,
        actor_key,
        quantity,
        price,
        rating,
        position,
        is_activity,
        event_at,
        event_local_at,
        event_date,
        landed_date,
        date_diff('day', event_date, landed_date) as lateness_days,
        case
            when
                event_type in ('order_completed', 'order_refunded')
                and coalesce(currency, '{{ var("currency") }}') = '{{ var("currency") }}'
                then cast(round(coalesce(quantity, 1) * price, 2) as decimal(18, 2))
        end as line_amount,
        build_number,
    from events
)

select * from valued
