{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set touched = ref('int_touched_user_days') %}
{% set touched_events = ref('int_touched_events') %}
{% set order_lines = ref('int_order_lines') %}
{% set items_digest = ref('int_items_digest') %}

with

people as (
    select
        as_of_date,
        user_key,
        visitor_key,
        is_changed,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions'
),

{% if is_incremental() %}

    first_touched_days as (
        select
            visitor_key,
            min(event_date) as event_date,
        from {{ touched }}
        group by visitor_key
    ),

    changed_orders as (
        select min(event_date) as first_date
        from (
            select event_date from {{ touched_events }}
            where event_type = 'order_completed'
            union all
            select event_date from {{ order_lines }}
            where build_number = {{ var('build_number') }} and not is_refund
        ) as orders
    ),

    -- what others paid says what was a discount, and what is dear
    repriced_days as (
        select items_digest.as_of_date
        from {{ items_digest }} as items_digest
        cross join changed_orders
        where items_digest.is_repriced or items_digest.as_of_date >= changed_orders.first_date
    ),

    buyers as (
        select
            actor_key as visitor_key,
            event_date,
        from {{ order_lines }}
        where not is_refund
    ),

    -- whoever is changed is written already: on most nights only the run date is repriced, and nobody is left to ask
    repriced_people as (
        select
            people.as_of_date,
            people.user_key,
            people.visitor_key,
        from people
        semi join repriced_days on people.as_of_date = repriced_days.as_of_date
        where not people.is_changed
    ),

    written as (
        select
            as_of_date,
            user_key,
        from people
        where is_changed
        union
        select
            people.as_of_date,
            people.user_key,
        from people
        inner join first_touched_days
            on
                people.visitor_key = first_touched_days.visitor_key
                and people.as_of_date >= first_touched_days.event_date
        union
        select
            people.as_of_date,
            people.user_key,
        from people
        inner join {{ items_digest }} as items_digest on people.as_of_date = items_digest.as_of_date
        where items_digest.is_redescribed
        union
        select
            repriced_people.as_of_date,
            repriced_people.user_key,
        from repriced_people
        semi join buyers
            on
                repriced_people.visitor_key = buyers.visitor_key
                and repriced_people.as_of_date >= buyers.event_date
                and repriced_people.as_of_date - 365 < buyers.event_date
    ),

    gone as (
        select
            held.as_of_date,
            held.user_key,
            cast(null as uuid) as visitor_key,
        from {{ last_night('feat_user_snapshots') }} as held
        anti join people on held.as_of_date = people.as_of_date and held.user_key = people.user_key
    ),

    snapshot_people as (
        select
            people.as_of_date,
            people.user_key,
            people.visitor_key,
        from people
        semi join written on people.as_of_date = written.as_of_date and people.user_key = written.user_key
        union all
        select * from gone
    ),

{% else %}

    snapshot_people as (
        select * exclude (is_changed) from people
    ),

{% endif %}

numbered as (
    select
        *,
        cast(dense_rank() over (order by as_of_date, user_key) as integer) as person_number,
    from snapshot_people
)

select * from numbered
