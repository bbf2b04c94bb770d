with

visitors as (
    select * from {{ ref('int_visitors') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

consents as (
    select * from {{ ref('int_consents') }}
),

people as (
    select
        persons.user_key,
        bool_or(visitors.is_bot) as is_bot,
        sum(visitors.event_count) as event_count,
        max(visitors.last_event_date) as last_event_date,
    from persons
    inner join visitors on persons.visitor_key = visitors.visitor_key
    inner join consents on persons.user_key = consents.user_key and consents.is_allowed
    group by persons.user_key
),

judged as (
    select
        user_key,
        case
            when is_bot then 'bot'
            when event_count < {{ var('min_events') }} then 'too_little_data'
            when last_event_date <= {{ run_date() }} - {{ var('active_within_days') }} then 'inactive'
        end as ineligible_reason,
    from people
),

eligibility as (
    select
        user_key,
        ineligible_reason,
        ineligible_reason is null as is_eligible,
    from judged
)

select * from eligibility
