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

visits as (
    select
        people.user_key,
        sessions.source,
        sessions.started_hour,
        isodow(sessions.session_date) as weekday,
    from people
    inner join {{ ref('fct_sessions') }} as sessions on people.visitor_key = sessions.visitor_key
    where sessions.session_date > {{ run_date() }} - 90
),

-- a counter per hour and weekday, as a row per person and hour takes four times as long
counts as (
    select
        user_key,
        [
            {% for hour in range(24) -%}
                count(*) filter (where started_hour = {{ hour }}){{ ', ' if not loop.last }}
            {% endfor -%}
        ] as visits_by_hour,
        [
            {% for weekday in weekdays -%}
                count(*) filter (where weekday = {{ loop.index }}){{ ', ' if not loop.last }}
            {% endfor -%}
        ] as visits_by_weekday,
    from visits
    group by user_key
),

source_counts as (
    select
        user_key,
        source,
        count(*) as visit_count,
    from visits
    group by user_key, source
),

usual_sources as (
    select
        user_key,
        arg_min(source, (-visit_count, source)) as usual_source,
    from source_counts
    group by user_key
),

-- the first of those that are equally usual
habits as (
    select
        {{ run_date() }} as as_of_date,
        counts.user_key,
        tastes.favourite_categories,
        tastes.favourite_brands,
        cast(list_position(counts.visits_by_hour, list_max(counts.visits_by_hour)) - 1 as integer) as usual_hour,
        ({{ weekdays }})[list_position(counts.visits_by_weekday, list_max(counts.visits_by_weekday))] as usual_weekday,
        usual_sources.usual_source,
    from counts
    inner join usual_sources on counts.user_key = usual_sources.user_key
    left join tastes on counts.user_key = tastes.user_key
)

select * from habits
