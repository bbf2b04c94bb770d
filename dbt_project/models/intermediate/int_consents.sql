with

events as (
    select * from {{ ref('stg_events') }}
),

users as (
    select * from {{ ref('stg_users') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

statements as (
    select
        visitor_key,
        consent_personalization,
        event_at as stated_at,
    from events
    where consent_personalization is not null and visitor_key is not null
    union all
    select
        visitor_key,
        consent_personalization,
        -- a delivery describes the end of its day
        (landed_date + interval 1 day) at time zone '{{ var("timezone") }}' as stated_at,
    from users
    where consent_personalization is not null
),

latest as (
    select
        visitor_key,
        arg_max(consent_personalization, (stated_at, not consent_personalization)) as is_allowed,
    from statements
    group by visitor_key
),

-- a user may be known from a users file alone
everyone as (
    select
        visitor_key,
        user_key,
    from persons
    union
    select
        visitor_key,
        visitor_key as user_key,
    from users
    where visitor_key not in (select persons.visitor_key from persons)
),

-- every log-in ever seen on a device, also on one that several people share and that therefore belongs to none
links as (
    select distinct
        device_key,
        visitor_key,
    from events
    where device_key is not null and visitor_key is not null
),

heeded as (
    select
        user_key,
        visitor_key,
    from everyone
    union
    select
        everyone.user_key,
        links.visitor_key,
    from everyone
    inner join links on everyone.visitor_key = links.device_key
    union
    select
        everyone.user_key,
        links.device_key as visitor_key,
    from everyone
    inner join links on everyone.visitor_key = links.visitor_key
),

by_person as (
    select
        heeded.user_key,
        coalesce(bool_and(latest.is_allowed), {{ var('consent_default') }}) as is_allowed,
    from heeded
    left join latest on heeded.visitor_key = latest.visitor_key
    group by heeded.user_key
)

select * from by_person
