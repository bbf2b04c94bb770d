{% set weekdays = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] %}
{% set dayparts = ['night', 'morning', 'afternoon', 'evening'] %}

with

windows as (
    select * from {{ ref('feat_user_windows') }}
),

sums as (
    select
        as_of_date,
        user_key,
        sum(event_count) as event_count,
        {% for weekday in weekdays -%}
            sum({{ weekday }}_event_count) as {{ weekday }}_event_count,
        {% endfor -%}
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
            {% for weekday in weekdays -%}
                {{ weekday }}_event_count{{ ', ' if not loop.last }}
            {%- endfor %}
        ] as weekday_counts,
        [
            {% for daypart in dayparts -%}
                {{ daypart }}_event_count{{ ', ' if not loop.last }}
            {%- endfor %}
        ] as daypart_counts,
    from sums
),

times as (
    select
        as_of_date,
        user_key,
        round(night_event_count / event_count, 6) as night_share,
        round(morning_event_count / event_count, 6) as morning_share,
        round(evening_event_count / event_count, 6) as evening_share,
        round((saturday_event_count + sunday_event_count) / event_count, 6) as weekend_share,
        ({{ weekdays }})[list_position(weekday_counts, list_max(weekday_counts))] as usual_weekday,
        ({{ dayparts }})[list_position(daypart_counts, list_max(daypart_counts))] as usual_daypart,
    from listed
)

select * from times
