{{ config(materialized='view') }}

with

events as (
    select * from {{ ref('stg_events') }}
),

gaps as (
    select
        *,
        coalesce(
            event_at - lag(event_at) over (partition by source, visitor_key order by event_at, event_id)
            > interval 30 minutes,
            true
        ) as is_session_start,
    from events
    where visitor_key is not null and session_id is null
),

numbered as (
    select
        * exclude (is_session_start),
        sum(cast(is_session_start as integer)) over (
            partition by source, visitor_key order by event_at, event_id
            rows between unbounded preceding and current row
        ) as session_number,
    from gaps
),

keyed as (
    select
        * exclude (session_number),
        md5(concat_ws('|', source, cast(visitor_key as varchar), session_number)) as session_key,
    from numbered
    union all
    select
        *,
        md5(concat_ws('|', source, session_id)) as session_key,
    from events
    where session_id is not null
    union all
    -- nobody is known: the order is all there is of the session
    select
        *,
        md5(concat_ws('|', source, 'order', order_id)) as session_key,
    from events
    where visitor_key is null and session_id is null
)

select * from keyed
