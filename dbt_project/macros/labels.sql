{# Snapshots whose window is over by the run date, per horizon, with who the person turned out to be by then. #}
{% macro labelled_snapshots(relation, horizons_days) -%}
    select
        snapshots.*,
        horizons.horizon_days,
        persons.user_key as person_key,
    from {{ relation }} as snapshots
    inner join {{ ref('int_persons') }} as persons on snapshots.user_key = persons.visitor_key
    cross join (select cast(unnest(cast({{ horizons_days }} as integer[])) as integer) as horizon_days) as horizons
    where snapshots.as_of_date + horizons.horizon_days <= {{ run_date() }}
{%- endmacro %}

{# The snapshots of `labelled`, as as-of days and people, of whose windows tonight knows something else than the last
   night: what was done in them, who the person is found to be, or what was known on the day. #}
{% macro people_known_otherwise(labelled, snapshot_people, last_persons, touched) -%}
    select
        as_of_date,
        user_key,
    from {{ snapshot_people }}
    union
    -- another key, or one less, changes all that a person is found to have done
    select
        labelled.as_of_date,
        labelled.user_key,
    from {{ labelled }} as labelled
    semi join (
        (
            select * from {{ ref('int_persons') }}
            except
            select * from {{ last_persons }}
        )
        union all
        (
            select * from {{ last_persons }}
            except
            select * from {{ ref('int_persons') }}
        )
    ) as other_persons on labelled.person_key = other_persons.user_key
    union
    select
        labelled.as_of_date,
        labelled.user_key,
    from {{ labelled }} as labelled
    inner join {{ ref('int_persons') }} as persons on labelled.person_key = persons.user_key
    inner join {{ touched }} as touched
        on
            persons.visitor_key = touched.visitor_key
            and labelled.as_of_date < touched.event_date
            and labelled.as_of_date + labelled.horizon_days >= touched.event_date
{%- endmacro %}

{# What the people of `asked` did day by day after its first as-of day.
   An order is an event: who did nothing has not ordered. #}
{% macro days_after(asked) -%}
    select
        persons.user_key as person_key,
        user_days.event_date,
        cast(sum(user_days.event_count) as bigint) as event_count,
        cast(sum(user_days.order_count) as bigint) as order_count,
        cast(sum(user_days.order_amount) as decimal(18, 2)) as order_amount,
    from {{ ref('fct_user_days') }} as user_days
    inner join {{ ref('int_persons') }} as persons on user_days.visitor_key = persons.visitor_key
    semi join {{ asked }} as asked on persons.user_key = asked.person_key
    where user_days.event_date > (select min(asked.as_of_date) from {{ asked }} as asked)
    group by persons.user_key, user_days.event_date
{%- endmacro %}

{# What became of the rows of `asked` in the days after their as-of day. #}
{% macro user_labels(asked, days) -%}
    select
        asked.as_of_date,
        asked.user_key,
        asked.horizon_days,
        coalesce(sum(days.order_count), 0) > 0 as is_purchaser,
        count(days.person_key) = 0 as is_silent,
        cast(coalesce(sum(days.order_count), 0) as integer) as order_count,
        cast(coalesce(sum(days.order_amount), 0) as decimal(18, 2)) as order_amount,
        cast(count(days.person_key) as integer) as active_day_count,
        cast(coalesce(sum(days.event_count), 0) as integer) as event_count,
    from {{ asked }} as asked
    left join {{ days }} as days
        on
            asked.person_key = days.person_key
            and asked.as_of_date < days.event_date
            and asked.as_of_date + asked.horizon_days >= days.event_date
    group by asked.as_of_date, asked.user_key, asked.horizon_days
{%- endmacro %}

{# What the people of `asked` bought by top category in the days after their as-of day, as the catalogue had it on the
   day of the order; of an item that it did not know yet, as it first had it. #}
{% macro category_purchases(asked) -%}
    select
        windows.as_of_date,
        windows.user_key,
        windows.horizon_days,
        items.category,
        cast(sum(order_items.quantity) as bigint) as quantity,
        cast(coalesce(sum(order_items.line_amount), 0) as decimal(18, 2)) as purchase_amount,
    from (
        select distinct
            asked.as_of_date,
            asked.user_key,
            asked.horizon_days,
            persons.visitor_key,
        from {{ asked }} as asked
        inner join {{ ref('int_persons') }} as persons on asked.person_key = persons.user_key
    ) as windows
    inner join {{ ref('fct_order_items') }} as order_items
        on
            windows.visitor_key = order_items.visitor_key
            and windows.as_of_date < order_items.event_date
            and windows.as_of_date + windows.horizon_days >= order_items.event_date
    inner join {{ ref('int_item_category_periods') }} as items
        on
            order_items.item_id = items.item_id
            and order_items.event_date >= items.from_date
            and order_items.event_date < items.until_date
    where
        not order_items.is_refund
        and order_items.event_date > (select min(asked.as_of_date) from {{ asked }} as asked)
    group by windows.as_of_date, windows.user_key, windows.horizon_days, items.category
{%- endmacro %}

{# What became of the rows of `asked`, each of a person and a category, in the days after their as-of day. #}
{% macro category_labels(asked, purchases) -%}
    select
        asked.as_of_date,
        asked.user_key,
        asked.category,
        asked.horizon_days,
        purchases.category is not null as is_purchaser,
        cast(coalesce(purchases.quantity, 0) as integer) as quantity,
        cast(coalesce(purchases.purchase_amount, 0) as decimal(18, 2)) as purchase_amount,
    from {{ asked }} as asked
    left join {{ purchases }} as purchases
        on
            asked.as_of_date = purchases.as_of_date
            and asked.user_key = purchases.user_key
            and asked.horizon_days = purchases.horizon_days
            and asked.category = purchases.category
{%- endmacro %}
