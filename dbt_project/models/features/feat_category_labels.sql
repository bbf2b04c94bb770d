{{ config(materialized='incremental', incremental_strategy='replace') }}

{% set snapshot_people = ref('int_snapshot_people') %}
{% set last_persons = ref('int_last_persons') %}
{% set touched = ref('int_touched_user_days') %}

with

labelled as (
    {{ labelled_snapshots(ref('feat_category_snapshots'), var('category_horizons_days')) }}
),

{% if is_incremental() %}

    people as (
        select distinct
            as_of_date,
            user_key,
            person_key,
            horizon_days,
        from labelled
    ),

    buyers_of_changed_items as (
        select persons.user_key
        from {{ ref('fct_order_items') }} as order_items
        inner join {{ ref('int_item_category_periods') }} as items on order_items.item_id = items.item_id
        inner join {{ ref('int_persons') }} as persons on order_items.visitor_key = persons.visitor_key
        where items.is_changed
    ),

    known_otherwise as (
        {{ people_known_otherwise('people', snapshot_people, last_persons, touched) }}
        union
        select
            people.as_of_date,
            people.user_key,
        from people
        semi join buyers_of_changed_items on people.person_key = buyers_of_changed_items.user_key
    ),

    -- a past day's people and categories are drawn each night
    day_categories as (
        select distinct
            as_of_date,
            category,
        from labelled
    ),

    held_day_categories as (
        select distinct
            as_of_date,
            category,
        from {{ this }}
    ),

    days_of_other_categories as (
        select
            as_of_date,
            category,
        from day_categories
        full join held_day_categories as held using (as_of_date, category)
        where day_categories.as_of_date is null or held.as_of_date is null
    ),

    held as (
        select held.*
        from {{ this }} as held
        semi join people
            on
                held.as_of_date = people.as_of_date
                and held.user_key = people.user_key
                and held.horizon_days = people.horizon_days
        anti join known_otherwise
            on held.as_of_date = known_otherwise.as_of_date and held.user_key = known_otherwise.user_key
        anti join days_of_other_categories on held.as_of_date = days_of_other_categories.as_of_date
    ),

    snapshots as (
        select labelled.*
        from labelled
        anti join held
            on
                labelled.as_of_date = held.as_of_date
                and labelled.user_key = held.user_key
                and labelled.horizon_days = held.horizon_days
    ),

{% else %}

    snapshots as (
        select * from labelled
    ),

{% endif %}

purchases as (
    {{ category_purchases('snapshots') }}
),

labels as (
    {{ category_labels('snapshots', 'purchases') }}
    {% if is_incremental() %}
        union all by name
        select * from held
    {% endif %}
)

select * from labels
