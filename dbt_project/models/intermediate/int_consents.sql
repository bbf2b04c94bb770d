with

statements as (
    select * from {{ ref('int_consent_statements') }}
),

users as (
    select * from {{ ref('stg_users') }}
    where consent_personalization is not null
),

persons as (
    select * from {{ ref('int_persons') }}
),

links as (
    select * from {{ ref('int_links') }}
    where is_device
),

day_statements as (
    select
        visitor_key,
        stated_date,
        arg_max(is_allowed, (stated_at, not is_allowed)) as is_allowed,
    from statements
    group by visitor_key, stated_date
    union all
    select
        visitor_key,
        landed_date as stated_date,
        consent_personalization as is_allowed,
    from users
),

-- of one day, a no to the website and a no in the users file both count
latest as (
    select
        visitor_key,
        arg_max(is_allowed, (stated_date, not is_allowed)) as is_allowed,
    from day_statements
    group by visitor_key
),

-- every log-in on a device, also on one that several people share and that therefore belongs to none
heeded as (
    select
        user_key,
        visitor_key,
    from persons
    union
    select
        persons.user_key,
        links.user_key as visitor_key,
    from persons
    inner join links on persons.visitor_key = links.linked_key
    union
    select
        persons.user_key,
        links.linked_key as visitor_key,
    from persons
    inner join links on persons.visitor_key = links.user_key
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
