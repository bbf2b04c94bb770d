with

user_days as (
    select
        visitor_key,
        event_date,
        item_count,
    from {{ ref('fct_user_days') }}
    where event_date > {{ run_date() }} - {{ basket_days() }} and item_count > 0
),

-- who looked at enough within a month need not have all older days put in order
looked_back as (
    select
        visitor_key,
        case
            when sum(item_count) filter (where event_date > {{ run_date() }} - 30) >= {{ basket_size() }} then 30
            else {{ basket_days() }}
        end as days,
    from user_days
    group by visitor_key
),

newest_days as (
    select
        user_days.*,
        sum(user_days.item_count) over (partition by user_days.visitor_key order by user_days.event_date desc)
        - user_days.item_count as newer_count,
    from user_days
    inner join looked_back on user_days.visitor_key = looked_back.visitor_key
    where user_days.event_date > {{ run_date() }} - looked_back.days
),

starts as (
    select
        visitor_key,
        min(event_date) as first_date,
    from newest_days
    where newer_count < {{ basket_size() }}
    group by visitor_key
)

select * from starts
