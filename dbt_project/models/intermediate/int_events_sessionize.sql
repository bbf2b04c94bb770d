{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_events', 'by': ['event_id'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_events') %}
{% set periods = [] if is_incremental() else landing_periods() %}

with

bots as (
    select visitor_key from {{ ref('int_bots') }}
),

-- a flood ends here, before anything is sorted by visitor; read twice rather than kept, since whole events are wide
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

-- only what says whose and when is sorted; the rest of an event joins at the end
traces as (
    select
        event_id,
        source,
        visitor_key,
        device_key,
        -- logging in does not end a session: the device stays the same
        coalesce(device_key, visitor_key) as machine_key,
        event_at,
        event_date,
        landed_date,
        is_activity,
        {{ stated_session_key() }} as stated_session_key,
    from events
),

-- in microseconds: the difference of two times with a zone is looked up in a calendar
gaps as (
    select
        * exclude (stated_session_key),
        coalesce(
            epoch_us(event_at) - epoch_us(lag(event_at) over machine) > epoch_us({{ longest_silence() }}), true
        ) as is_session_start,
        coalesce(
            epoch_us(lead(event_at) over machine) - epoch_us(event_at) > epoch_us({{ longest_silence() }}), true
        ) as is_session_end,
    from traces
    where visitor_key is not null and stated_session_key is null and is_activity
    window machine as (partition by source, machine_key order by event_at, event_id)
),

cut as (
    select
        * exclude (is_session_start, is_session_end),
        last_value(if(is_session_start, event_id, null) ignore nulls) over so_far as first_event_id,
        last_value(if(is_session_start, event_date, null) ignore nulls) over so_far as session_first_date,
        first_value(if(is_session_end, event_date, null) ignore nulls) over from_now_on as session_last_date,
    from gaps
    window
        so_far as (
            partition by source, machine_key order by event_at, event_id
            rows between unbounded preceding and current row
        ),
        from_now_on as (
            partition by source, machine_key order by event_at, event_id
            rows between current row and unbounded following
        )
),

keyed as (
    select
        * exclude (first_event_id),
        -- named after its own first event: what came before it in the machine's history does not change it
        md5(concat_ws('|', source, cast(machine_key as varchar), first_event_id)) as session_key,
    from cut
    union all by name
    select
        * exclude (stated_session_key),
        stated_session_key as session_key,
    from traces
    where visitor_key is null or stated_session_key is not null or not is_activity
),

login_days as (
    select
        session_key,
        device_key,
        event_date,
        min(visitor_key) as first_user_key,
        max(visitor_key) as last_user_key,
    from keyed
    where device_key is not null and visitor_key is not null and is_activity
    group by session_key, device_key, event_date
),

-- who had logged in within the session by the end of a day; it may go on past midnight
logins as (
    select
        session_key,
        device_key,
        event_date as logged_in_date,
        min(first_user_key) over by_then as user_key,
        max(last_user_key) over by_then as other_user_key,
        lead(event_date) over (partition by session_key, device_key order by event_date) as next_login_date,
    from login_days
    window by_then as (partition by session_key, device_key order by event_date)
),

attributed as {{ 'materialized' if periods | length > 1 }} (
    select
        keyed.event_id,
        keyed.landed_date,
        keyed.session_key,
        keyed.session_first_date,
        keyed.session_last_date,
        case
            when logins.user_key = logins.other_user_key then logins.user_key
            else keyed.visitor_key
        end as actor_key,
    from keyed
    left join logins
        on
            keyed.session_key = logins.session_key
            and keyed.visitor_key = logins.device_key
            and keyed.event_date >= logins.logged_in_date
            and keyed.event_date < coalesce(logins.next_login_date, date 'infinity')
),

sessionized as (
    {% for number in range([periods | length, 1] | max) -%}
        select
            events.*,
            attributed.session_key,
            attributed.actor_key,
            attributed.session_first_date,
            attributed.session_last_date,
            {{ var('build_number') }} as build_number,
        from events
        inner join attributed
            on events.event_id = attributed.event_id {{ in_period('attributed.landed_date', periods, number) }}
        where true {{ in_period('events.landed_date', periods, number) }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
)

select * from sessionized
