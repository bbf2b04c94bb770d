{% set weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] %}
{% set dayparts = ['night', 'morning', 'afternoon', 'evening'] %}

with

people as (
    select * from {{ ref('int_snapshot_people') }}
),

user_days as (
    select * from {{ ref('fct_user_days') }}
),

windows as (
    select * from {{ ref('feat_user_windows') }}
),

-- from the days again: seven sums that each look for their weekday take twice as long
weekday_counts as (
    select
        people.as_of_date,
        people.user_key,
        isodow(user_days.event_date) as weekday,
        sum(user_days.event_count) as event_count,
    from people
    inner join user_days
        on
            people.visitor_key = user_days.visitor_key
            and people.as_of_date >= user_days.event_date
            and people.as_of_date - {{ history_days() }} < user_days.event_date
    group by people.as_of_date, people.user_key, weekday
),

weekday_sums as (
    select
        as_of_date,
        user_key,
        arg_min(weekday, (-event_count, weekday)) as usual_weekday,
        coalesce(sum(event_count) filter (where weekday >= 6), 0) as weekend_event_count,
    from weekday_counts
    group by as_of_date, user_key
),

daypart_sums as (
    select
        as_of_date,
        user_key,
        sum(event_count) as event_count,
        {% for daypart in dayparts -%}
            sum({{ daypart }}_event_count) as {{ daypart }}_event_count,
        {% endfor -%}
    from windows
    group by as_of_date, user_key
),

-- of equals the first
listed as (
    select
        *,
        [
            {% for daypart in dayparts -%}
                {{ daypart }}_event_count{{ ', ' if not loop.last }}
            {%- endfor %}
        ] as daypart_counts,
    from daypart_sums
),

times as (
    select
        listed.as_of_date,
        listed.user_key,
        round(listed.night_event_count / listed.event_count, 6) as night_share,
        round(listed.morning_event_count / listed.event_count, 6) as morning_share,
        round(listed.evening_event_count / listed.event_count, 6) as evening_share,
        round(weekday_sums.weekend_event_count / listed.event_count, 6) as weekend_share,
        ({{ weekdays }})[weekday_sums.usual_weekday] as usual_weekday,
        ({{ dayparts }})[list_position(listed.daypart_counts, list_max(listed.daypart_counts))] as usual_daypart,
    from listed
    inner join weekday_sums
        on listed.as_of_date = weekday_sums.as_of_date and listed.user_key = weekday_sums.user_key
)

select * from times
