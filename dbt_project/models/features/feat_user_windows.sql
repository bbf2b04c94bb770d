-- Each day is added up once per as-of day, in the span of days that it falls into; longer windows are sums of spans.
{% set counts = [
    'event_count', 'list_view_count', 'view_count', 'click_count', 'search_count', 'cart_count', 'removal_count',
    'wishlist_count', 'checkout_count', 'review_count', 'recommendation_click_count', 'campaign_click_count',
    'order_count', 'refund_count', 'session_count', 'single_event_session_count', 'session_seconds',
    'item_count', 'night_event_count', 'morning_event_count', 'afternoon_event_count', 'evening_event_count',
] %}

with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

numbers as (
    {{ person_numbers('people') }}
),

user_days as (
    select * from {{ ref('fct_user_days') }}
),

person_days as (
    select
        people.person_number,
        user_days.*,
        people.as_of_date - user_days.event_date as days_ago,
        -- a bit per day, of those of which active days are asked for: counting distinct dates takes longer than all
        -- sums, a string of bits cannot spill; no span up to 90 days is longer than 60, and no day to come has a bit
        case
            when people.as_of_date - user_days.event_date < 90
                then cast(1 as bigint) << cast((people.as_of_date - user_days.event_date) % 60 as integer)
        end as day_bit,
    from people
    inner join user_days
        on
            people.visitor_key = user_days.visitor_key
            and people.as_of_date >= user_days.event_date
            and people.as_of_date - {{ history_days() }} < user_days.event_date
),

spans as (
    select
        person_number,
        case
            when days_ago < 1 then 1
            when days_ago < 7 then 7
            when days_ago < 30 then 30
            when days_ago < 90 then 90
            when days_ago < 365 then 365
            else {{ history_days() }}
        end as window_days,
        cast(min(days_ago) as integer) as days_since_last_event,
        cast(bit_count(bit_or(day_bit)) as integer) as active_day_count,
        {% for count in counts -%}
            cast({{ sum_of_counts(count) }} as bigint) as {{ count }},
        {% endfor -%}
        cast(sum(order_amount) as decimal(18, 2)) as order_amount,
        cast(sum(refund_amount) as decimal(18, 2)) as refund_amount,
    from person_days
    group by person_number, window_days
),

windows as (
    select
        numbers.as_of_date,
        numbers.user_key,
        spans.* exclude (person_number), -- noqa: RF02
    from spans
    inner join numbers on spans.person_number = numbers.person_number
)

select * from windows
