with

events as (
    select * from {{ ref('base_events') }}
),

known as (
    select
        event_id,
        source,
        event_type,
        session_id,
        item_id,
        order_id,
        currency,
        query,
        recommendation_id,
        campaign_id,
        treatment,
        visitor_key,
        device_key,
        quantity,
        price,
        rating,
        position,
        consent_personalization,
        -- what the shop sent or showed is no deed of the person
        event_type not in ('campaign_sent', 'recommendation_shown') as is_activity,
        landed_date,
        event_at,
        event_at at time zone '{{ var("timezone") }}' as event_local_at,
        cast(event_at at time zone '{{ var("timezone") }}' as date) as event_date,
        event_at < cast(landed_date as timestamp) at time zone '{{ var("timezone") }}' as is_late,
        part,
    from events
    -- a clock ahead of ours: tomorrow's events wait for tomorrow's night
    where event_at < cast({{ run_date() }} + 1 as timestamp) at time zone '{{ var("timezone") }}'
)

select * from known
