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

by_person as (
    select
        everyone.user_key,
        coalesce(bool_and(latest.is_allowed), {{ var('consent_default') }}) as is_allowed,
    from everyone
    left join latest on everyone.visitor_key = latest.visitor_key
    group by everyone.user_key
)

select * from by_person
