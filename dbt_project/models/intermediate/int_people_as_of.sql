with

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

consents as (
    select * from {{ ref('int_consents') }}
),

allowed as (
    select visitors.*
    from visitors
    inner join persons on visitors.visitor_key = persons.visitor_key
    inner join consents on persons.user_key = consents.user_key
    where consents.is_allowed and not visitors.is_bot
),

people as (
    select
        as_of_dates.purpose,
        as_of_dates.as_of_date,
        allowed.visitor_key,
        coalesce(identities.user_key, allowed.visitor_key) as user_key,
    from as_of_dates
    inner join allowed on as_of_dates.as_of_date >= allowed.first_event_date
    left join identities
        on
            allowed.visitor_key = identities.visitor_key
            and as_of_dates.as_of_date >= identities.linked_date
            and (identities.shared_date is null or as_of_dates.as_of_date < identities.shared_date)
),

-- a device that may be looked at was not always its own: who it was on the day has to allow it too
allowed_people as (
    select people.*
    from people
    semi join allowed on people.user_key = allowed.visitor_key
)

select * from allowed_people
