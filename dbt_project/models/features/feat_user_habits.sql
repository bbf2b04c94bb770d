{% set weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}

with

tastes as (
    select * from {{ ref('feat_user_tastes') }}
    where as_of_date = {{ run_date() }}
),

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
    where session_date > {{ run_date() }} - 90
),

-- by each of the three in one pass
visits as (
    select
        people.user_key,
        sessions.source,
        sessions.started_hour,
        isodow(sessions.session_date) as weekday,
        count(*) as visit_count,
    from people
    inner join sessions on people.visitor_key = sessions.visitor_key
    group by
        grouping sets (
            (people.user_key, sessions.source),
            (people.user_key, sessions.started_hour),
            (people.user_key, weekday)
        )
),

times as (
    select
        user_key,
        arg_min(started_hour, (-visit_count, started_hour)) as usual_hour,
        arg_min(weekday, (-visit_count, weekday)) as usual_weekday,
        arg_min(source, (-visit_count, source)) as usual_source,
    from visits
    group by user_key
),

habits as (
    select
        {{ run_date() }} as as_of_date,
        times.user_key,
        tastes.favourite_categories,
        tastes.favourite_brands,
        times.usual_hour,
        ({{ weekdays }})[times.usual_weekday] as usual_weekday,
        times.usual_source,
    from times
    left join tastes on times.user_key = tastes.user_key
)

select * from habits
