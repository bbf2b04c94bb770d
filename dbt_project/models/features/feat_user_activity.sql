{% set counted = [
    'event', 'list_view', 'view', 'click', 'search', 'cart', 'removal', 'wishlist', 'checkout', 'review',
    'recommendation_click', 'campaign_click', 'session',
] %}

with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

windows as (
    select * from {{ ref('feat_user_windows') }}
),

tenures as (
    select
        people.as_of_date,
        people.user_key,
        cast(max(people.as_of_date - visitors.first_event_date) as integer) as tenure_days,
    from people
    inner join visitors on people.visitor_key = visitors.visitor_key
    group by people.as_of_date, people.user_key
),

counts as (
    select
        as_of_date,
        user_key,
        min(days_since_last_event) as days_since_last_event,
        {% for name in counted -%}
            {% for days in [1, 7, 30, 90] -%}
                {{ sum_within(name ~ '_count', days) }} as {{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        {{ sum_within('item_count', 90) }} as item_count_90d,
        {{ sum_within('active_day_count', 30) }} as active_day_count_30d,
        {{ sum_within('active_day_count', 90) }} as active_day_count_90d,
        {% for days in [30, 90] -%}
            round({{ sum_within('session_seconds', days) }} / nullif({{ sum_within('session_count', days) }}, 0), 6)
                as mean_session_seconds_{{ days }}d,
            round(
                {{ sum_within('single_event_session_count', days) }}
                / nullif({{ sum_within('session_count', days) }}, 0), 6
            ) as single_event_session_share_{{ days }}d,
        {% endfor -%}
    from windows
    group by as_of_date, user_key
    having min(days_since_last_event) < {{ var('active_within_days') }}
),

activity as (
    select
        counts.*,
        tenures.tenure_days,
        {% for name in ['event', 'view', 'cart', 'session'] -%}
            {{ trend('counts.' ~ name ~ '_count', 7, 30) }} as {{ name }}_trend,
            {{ trend('counts.' ~ name ~ '_count', 30, 90) }} as {{ name }}_trend_90d,
        {% endfor -%}
    from counts
    inner join tenures on counts.as_of_date = tenures.as_of_date and counts.user_key = tenures.user_key
)

select * from activity
