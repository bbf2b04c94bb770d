{% set weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}

with

tastes as (
    select * from {{ ref('feat_user_tastes') }}
    where as_of_date = {{ run_date() }}
),

visitors as (
    select
        user_key,
        visitor_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

-- millions of visits are grouped by numbers instead of keys
people as materialized (
    select
        user_key,
        cast(row_number() over () as integer) as person_number,
    from visitors
    group by user_key
),

numbered_visitors as (
    select
        visitors.visitor_key,
        people.person_number,
    from visitors
    inner join people on visitors.user_key = people.user_key
),

visits as (
    select
        numbered_visitors.person_number,
        sessions.source,
        sessions.started_hour,
        isodow(sessions.session_date) as weekday,
    from numbered_visitors
    inner join {{ ref('fct_sessions') }} as sessions on numbered_visitors.visitor_key = sessions.visitor_key
    where sessions.session_date > {{ run_date() }} - 90
),

-- in one pass by hour, and by weekday and source, which are few enough to be added up once more for each alone
visit_counts as materialized (
    select
        person_number,
        source,
        started_hour,
        weekday,
        grouping(started_hour) = 0 as is_by_hour,
        count(*) as visit_count,
    from visits
    group by
        grouping sets (
            (person_number, started_hour),
            (person_number, source, weekday)
        )
),

-- of equals the first
usual_hours as (
    select
        person_number,
        arg_min(started_hour, (-visit_count, started_hour)) as usual_hour,
    from visit_counts
    where is_by_hour
    group by person_number
),

{% for name in ['weekday', 'source'] -%}
    usual_{{ name }}s as (
        select
            person_number,
            arg_min({{ name }}, (-visit_count, {{ name }})) as usual_{{ name }},
        from (
            select
                person_number,
                {{ name }},
                cast(sum(visit_count) as bigint) as visit_count,
            from visit_counts
            where not is_by_hour
            group by person_number, {{ name }}
        ) as counts
        group by person_number
    ),

{% endfor -%}

habits as (
    select
        {{ run_date() }} as as_of_date,
        people.user_key,
        tastes.favourite_categories,
        tastes.favourite_brands,
        usual_hours.usual_hour,
        ({{ weekdays }})[usual_weekdays.usual_weekday] as usual_weekday,
        usual_sources.usual_source,
    from usual_hours
    inner join usual_weekdays on usual_hours.person_number = usual_weekdays.person_number
    inner join usual_sources on usual_hours.person_number = usual_sources.person_number
    inner join people on usual_hours.person_number = people.person_number
    left join tastes on people.user_key = tastes.user_key
)

select * from habits
