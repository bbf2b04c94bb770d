with

links as (
    select * from {{ source('lake', 'links') }}
),

dated as (
    select
        visitor_key as user_key,
        linked_key,
        is_device,
        -- where nobody says since when: from the morning of the delivery on
        coalesce(linked_at, cast(landed_date as timestamp) at time zone '{{ var("timezone") }}') as linked_at,
    from links
),

known as (
    select * from dated
    where
        user_key <> linked_key
        -- a clock ahead of ours, as with events
        and cast(linked_at at time zone '{{ var("timezone") }}' as date) <= {{ run_date() }}
)

select * from known
