{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_events', 'by': ['event_id'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_events') %}
{% set periods = [] if is_incremental() else event_periods() %}
{% set period_count = [periods | length, 1] | max %}

with

bots as (
    select visitor_key from {{ ref('int_bots') }}
),

-- a flood ends here, before anything is sorted by visitor; read again rather than kept, since whole events are wide
events as not materialized (
    select stg_events.* exclude (is_late, consent_personalization), -- noqa: RF02
    from {{ ref('stg_events') }} as stg_events
    anti join bots on stg_events.visitor_key = bots.visitor_key
    {% if is_incremental() %}
        union all by name
        -- the rest of the sessions that tonight's events touch
        select
            * exclude (
                session_key, actor_key, session_first_date, session_last_date, build_number, is_leaving
            )
        from {{ touched }}
        where not is_leaving
    {% endif %}
),

-- only what says whose and when is sorted
traces as (
    select
        source,
        {{ machine_key() }} as machine_key,
        event_id,
        event_at,
        event_date,
    from events
    where {{ is_cut_by_silence() }}
),

-- in microseconds: the difference of two times with a zone is looked up in a calendar
gaps as (
    select
        *,
        coalesce(
            epoch_us(event_at) - epoch_us(lag(event_at) over machine) > epoch_us({{ longest_silence() }}), true
        ) as is_first,
        coalesce(
            epoch_us(lead(event_at) over machine) - epoch_us(event_at) > epoch_us({{ longest_silence() }}), true
        ) as is_last,
    from traces
    window machine as (partition by source, machine_key order by event_at, event_id)
),

-- of those alone, the last event of a visit follows its first
bounds as (
    select
        * exclude (is_last),
        if(is_last, event_at, lead(event_at) over machine) as last_event_at,
        if(is_last, event_date, lead(event_date) over machine) as last_date,
    from gaps
    where is_first or is_last
    window machine as (partition by source, machine_key order by event_at, event_id)
),

-- A row for each day of a visit, since events look their visit up by machine and day; a clock put back at midnight can
-- end it on the day before. Keys as numbers: joins keep all of them in memory.
visit_days as materialized (
    select
        source,
        machine_key,
        event_at as first_event_at,
        last_event_at,
        event_date as session_first_date,
        last_date as session_last_date,
        -- named after its own first event: what came before it in the machine's history does not change it
        cast(md5(concat_ws('|', source, cast(machine_key as varchar), event_id)) as uuid) as visit_key,
        cast(unnest(range(
            least(event_date, last_date), greatest(event_date, last_date) + interval 1 day, interval 1 day
        )) as date) as visited_date,
    from bounds
    where is_first
),

{% for number in [none] + range(period_count) | list %}
    keyed_{{ 'all' if number is none else number }} as not materialized (
        select
            events.*,
            coalesce(
                {{ stated_session_key('events') }}, replace(cast(visit_days.visit_key as varchar), '-', '')
            ) as session_key,
            visit_days.session_first_date,
            visit_days.session_last_date,
        from events
        left join visit_days
            on
                visit_days.machine_key
                = case when {{ is_cut_by_silence('events') }} then {{ machine_key('events') }} end
                and events.source = visit_days.source
                and events.event_date = visit_days.visited_date
                and events.event_at >= visit_days.first_event_at
                and events.event_at <= visit_days.last_event_at
                and {{ in_period('visit_days.visited_date', periods, number) }}
        where
            {{ in_period('events.event_date', periods, number) }}
            and {{ around_period('events.event_at', periods, number) }}
    ),
{% endfor %}

login_days as (
    select
        session_key,
        device_key,
        event_date,
        min(visitor_key) as first_user_key,
        max(visitor_key) as last_user_key,
    from keyed_all
    where device_key is not null and visitor_key is not null and is_activity
    group by session_key, device_key, event_date
),

-- who had logged in within the session by the end of a day; it may go on past midnight
logins as (
    select
        session_key,
        device_key,
        event_date as logged_in_date,
        coalesce(
            lead(event_date) over (partition by session_key, device_key order by event_date), date 'infinity'
        ) as next_login_date,
        min(first_user_key) over by_then as user_key,
    from login_days
    window by_then as (partition by session_key, device_key order by event_date)
    -- of two who did, nobody knows whose the rest is
    qualify min(first_user_key) over by_then = max(last_user_key) over by_then
),

sessionized as (
    {% for number in range(period_count) -%}
        select
            keyed.*,
            coalesce(logins.user_key, keyed.visitor_key) as actor_key,
            {{ var('build_number') }} as build_number,
        from keyed_{{ number }} as keyed
        left join logins
            on
                keyed.session_key = logins.session_key
                and keyed.visitor_key = logins.device_key
                and keyed.event_date >= logins.logged_in_date
                and keyed.event_date < logins.next_login_date
                and {{ meets_period('logins.logged_in_date', 'logins.next_login_date', periods, number) }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
)

select * from sessionized
