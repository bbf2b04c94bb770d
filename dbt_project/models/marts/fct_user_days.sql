{{ config(
    materialized='incremental',
    incremental_strategy='replace',
    meta={'replaces': {'touched': 'int_touched_user_days', 'by': ['visitor_key', 'event_date'], 'day': 'event_date'}}
) }}

{% set touched = ref('int_touched_user_days') %}

with

events as (
    select events.* from {{ ref('fct_events') }} as events
    {% if is_incremental() %}
        semi join {{ touched }} as touched
            on events.actor_key = touched.visitor_key and events.event_date = touched.event_date
    {% endif %}
    where
        events.actor_key is not null
        and events.is_activity
        {% if is_incremental() %}
            and {{ on_days('events.event_date', 'select distinct event_date from ' ~ touched) }}
        {% endif %}
),

order_refunds as (
    select * from {{ ref('int_orders_refund') }}
),

-- a session that goes on past midnight counts on both days with what lies on each: a day knows nothing of the next
session_days as (
    select
        actor_key,
        event_date,
        session_key,
        count(*) as event_count,
        date_diff('second', min(event_at), max(event_at)) as session_seconds,
    from events
    group by actor_key, event_date, session_key
),

session_totals as (
    select
        actor_key,
        event_date,
        count(session_key) as session_count,
        cast(sum(session_seconds) as bigint) as session_seconds,
        count(*) filter (where event_count = 1) as single_event_session_count,
    from session_days
    group by actor_key, event_date
),

-- each of a day's items has its row there: to tell them apart once more would take most of a full build
item_totals as (
    select
        user_item_days.visitor_key,
        user_item_days.event_date,
        count(*) as item_count,
    from {{ ref('fct_user_item_days') }} as user_item_days
    {% if is_incremental() %}
        semi join {{ touched }} as touched
            on user_item_days.visitor_key = touched.visitor_key and user_item_days.event_date = touched.event_date
        where {{ on_days('user_item_days.event_date', 'select distinct event_date from ' ~ touched) }}
    {% endif %}
    group by user_item_days.visitor_key, user_item_days.event_date
),

summed as (
    select
        actor_key as visitor_key,
        event_date,
        count(*) as event_count,
        {{ count_events('product_list_viewed') }} as list_view_count,
        {{ count_events('product_viewed') }} as view_count,
        {{ count_events('product_clicked') }} as click_count,
        {{ count_events('product_searched') }} as search_count,
        {{ count_events('product_added') }} as cart_count,
        {{ count_events('product_removed') }} as removal_count,
        {{ count_events('wishlist_added') }} as wishlist_count,
        {{ count_events('checkout_started') }} as checkout_count,
        {{ count_events('product_reviewed') }} as review_count,
        {{ count_events('order_refunded') }} as refund_count,
        {{ count_events('recommendation_clicked') }} as recommendation_click_count,
        {{ count_events('campaign_clicked') }} as campaign_click_count,
        count(distinct order_key) filter (where event_type = 'order_completed') as order_count,
        {{ count_events('order_completed') }} as order_line_count,
        count(*) filter (where hour(event_local_at) < 6) as night_event_count,
        count(*) filter (where hour(event_local_at) between 6 and 11) as morning_event_count,
        count(*) filter (where hour(event_local_at) between 12 and 17) as afternoon_event_count,
        count(*) filter (where hour(event_local_at) >= 18) as evening_event_count,
        cast(coalesce(sum(line_amount) filter (where event_type = 'order_completed'), 0) as decimal(18, 2))
            as order_amount,
        cast(coalesce(sum(line_amount) filter (where event_type = 'order_refunded'), 0) as decimal(18, 2))
            as refund_amount,
        min(event_at) as first_event_at,
        max(event_at) as last_event_at,
    from events
    group by actor_key, event_date
),

-- what a refund of a whole order without a price was of
whole_refunds as (
    select
        actor_key,
        event_date,
        sum(refunded_amount) as refund_amount,
    from order_refunds
    group by actor_key, event_date
),

user_days as (
    select
        summed.* exclude (refund_amount), -- noqa: RF02
        cast(summed.refund_amount + coalesce(whole_refunds.refund_amount, 0) as decimal(18, 2)) as refund_amount,
        coalesce(item_totals.item_count, 0) as item_count,
        session_totals.session_count,
        session_totals.session_seconds,
        session_totals.single_event_session_count,
    from summed
    inner join session_totals
        on summed.visitor_key = session_totals.actor_key and summed.event_date = session_totals.event_date
    left join item_totals
        on summed.visitor_key = item_totals.visitor_key and summed.event_date = item_totals.event_date
    left join whole_refunds
        on summed.visitor_key = whole_refunds.actor_key and summed.event_date = whole_refunds.event_date
)

select * from user_days
order by event_date
