{% set fewest_gaps = 10 %}
{% set kept = 5 %}

with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'recommendations' and as_of_date = {{ run_date() }}
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where event_date > {{ run_date() }} - 365 and purchase_count + refund_count > 0
),

recommendable as (
    select item_id from {{ ref('recommendable_items') }}
    where as_of_date = {{ run_date() }}
),

purchase_days as (
    select
        people.user_key,
        user_item_days.item_id,
        user_item_days.event_date,
        sum(user_item_days.purchase_count) > 0 as is_bought,
        sum(user_item_days.refund_count) > 0 as is_refunded,
    from user_item_days
    inner join people on user_item_days.visitor_key = people.visitor_key
    group by people.user_key, user_item_days.item_id, user_item_days.event_date
),

gaps as (
    select
        *,
        event_date - lag(event_date) over (partition by user_key, item_id order by event_date) as gap_days,
    from purchase_days
    where is_bought
),

item_gaps as (
    select
        item_id,
        quantile_disc(gap_days, 0.5) as gap_days,
    from gaps
    where gap_days is not null
    group by item_id
    having count(*) >= {{ fewest_gaps }}
),

own_gaps as (
    select
        user_key,
        item_id,
        max(event_date) as last_bought_date,
        case when count(gap_days) >= 2 then quantile_disc(gap_days, 0.5) end as gap_days,
    from gaps
    group by user_key, item_id
),

refunded as (
    select
        user_key,
        item_id,
        max(event_date) as last_refunded_date,
    from purchase_days
    where is_refunded
    group by user_key, item_id
),

-- a person's own rhythm is known from the third purchase on; until then it is what others' is
expected as (
    select
        own_gaps.user_key,
        own_gaps.item_id,
        {{ run_date() }} - own_gaps.last_bought_date as days_since,
        coalesce(own_gaps.gap_days, item_gaps.gap_days) as gap_days,
    from own_gaps
    semi join recommendable on own_gaps.item_id = recommendable.item_id
    left join item_gaps on own_gaps.item_id = item_gaps.item_id
    left join refunded on own_gaps.user_key = refunded.user_key and own_gaps.item_id = refunded.item_id
    where coalesce(own_gaps.last_bought_date > refunded.last_refunded_date, true)
),

-- who has let twice the time pass buys it elsewhere, or no more
due as (
    select
        user_key,
        item_id,
        row_number() over (partition by user_key order by days_since / gap_days, item_id) as place,
    from expected
    where days_since >= gap_days and days_since < 2 * gap_days
    qualify place <= {{ kept }}
),

listed as (
    select
        user_key,
        list(item_id order by place) as item_ids,
    from due
    group by user_key
)

select * from listed
