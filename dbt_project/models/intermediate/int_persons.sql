with

visitors as (
    select * from {{ ref('int_visitors') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

persons as (
    select
        visitors.visitor_key,
        coalesce(identities.user_key, visitors.visitor_key) as user_key,
    from visitors
    left join identities
        on visitors.visitor_key = identities.visitor_key and identities.shared_date is null
)

select * from persons
