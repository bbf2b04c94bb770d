{# the last night's are put aside before they go #}
{% set last_persons = ref('int_last_persons') %}

with

visitors as (
    select visitor_key from {{ ref('int_visitors') }}
),

links as (
    select * from {{ ref('int_links') }}
),

users as (
    select visitor_key from {{ ref('stg_users') }}
),

identities as (
    select * from {{ ref('int_identities') }}
    where until_date is null
),

known_keys as (
    select visitor_key from visitors
    union
    select visitor_key from users
    union
    select user_key as visitor_key from links
    union
    select linked_key as visitor_key from links
),

persons as (
    select
        known_keys.visitor_key,
        coalesce(identities.user_key, known_keys.visitor_key) as user_key,
    from known_keys
    left join identities on known_keys.visitor_key = identities.visitor_key
)

select * from persons
