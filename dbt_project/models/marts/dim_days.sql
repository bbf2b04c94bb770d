with

events as (
    select * from {{ ref('fct_events') }}
    where is_activity
),

days as (
    select cast(unnest(generate_series(min(event_date), {{ run_date() }}, interval 1 day)) as date) as date
    from events
)

select * from days
