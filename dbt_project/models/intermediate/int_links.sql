-- An id that stands beside so many others is no person's: 'unknown', a test account, a till.
{% set most_linked_ids = 50 %}

with

logins as (
    select
        user_key,
        device_key as linked_key,
        true as is_device,
        linked_at,
    from {{ ref('int_logins') }}
),

stated_links as (
    select * from {{ ref('stg_links') }}
),

statements as (
    select * from logins
    union all
    select
        user_key,
        linked_key,
        is_device,
        linked_at,
    from stated_links
    where is_device
    union all
    -- either may have been named first
    select
        least(user_key, linked_key) as user_key,
        greatest(user_key, linked_key) as linked_key,
        is_device,
        linked_at,
    from stated_links
    where not is_device
),

links as (
    select
        user_key,
        linked_key,
        is_device,
        min(linked_at) as linked_at,
    from statements
    group by user_key, linked_key, is_device
),

both_ways as (
    select user_key from links
    where not is_device
    union all
    select linked_key as user_key from links
    where not is_device
),

nobodys_ids as (
    select user_key from both_ways
    group by user_key
    having count(*) > {{ most_linked_ids }}
),

believed as (
    select links.*
    from links
    where
        is_device
        or (
            user_key not in (select nobodys_ids.user_key from nobodys_ids)
            and linked_key not in (select nobodys_ids.user_key from nobodys_ids)
        )
)

select * from believed
