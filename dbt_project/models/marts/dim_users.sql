with

persons as (
    select * from {{ ref('int_persons') }}
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

eligibility as (
    select * from {{ ref('int_user_eligibility') }}
),

traits as (
    select
        persons.user_key,
        arg_max(stated.traits, (stated.landed_date, stated.visitor_key)) as traits,
    from {{ ref('stg_users') }} as stated
    inner join persons on stated.visitor_key = persons.visitor_key
    group by persons.user_key
),

users as (
    select
        persons.user_key,
        min(visitors.first_event_at) as first_seen_at,
        max(visitors.last_event_at) as last_seen_at,
        cast(sum(visitors.event_count) as bigint) as event_count,
        count(*) as key_count,
    from persons
    inner join visitors on persons.visitor_key = visitors.visitor_key
    group by persons.user_key
),

described as (
    select
        users.*,
        traits.traits,
        eligibility.is_eligible,
        eligibility.ineligible_reason,
    from users
    -- people without consent have no row there, and so none here
    inner join eligibility on users.user_key = eligibility.user_key
    left join traits on users.user_key = traits.user_key
)

select * from described
