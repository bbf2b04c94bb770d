{{ config(materialized='incremental', incremental_strategy='replace') }}

{# eight weeks, and twice the longest window of the targets about categories #}
{% set horizons = "cast(" ~ var('category_horizons_days') ~ " as integer[])" %}
{% set past_days = "(8 * 7 + 2 * coalesce(list_max(" ~ horizons ~ "), 0))" %}
{# enough to learn from #}
{% set most_people = var('category_people_per_day', 10000) %}
{% set snapshot_people = ref('int_snapshot_people') %}

with

visitors as (
    select
        as_of_date,
        visitor_key,
        user_key,
    from {{ ref('int_people_as_of') }}
    where
        purpose = 'predictions'
        and as_of_date < {{ run_date() }}
        and as_of_date >= {{ run_date() }} - {{ past_days }}
        and {{ has_category_targets() }}
),

{% if is_incremental() %}

    -- int_snapshot_people names those who went of whom there was a snapshot
    gone as (
        select held.as_of_date
        from {{ this }} as held
        anti join visitors on held.as_of_date = visitors.as_of_date and held.user_key = visitors.user_key
    ),

    -- on which nobody came, went or did otherwise: the same people would be drawn again
    same_days as (
        select distinct visitors.as_of_date
        from visitors
        semi join {{ this }} as held on visitors.as_of_date = held.as_of_date
        anti join {{ snapshot_people }} as written on visitors.as_of_date = written.as_of_date
        anti join gone on visitors.as_of_date = gone.as_of_date
    ),

    visitors_to_draw as (
        select visitors.*
        from visitors
        anti join same_days on visitors.as_of_date = same_days.as_of_date
    ),

{% else %}

    visitors_to_draw as (
        select * from visitors
    ),

{% endif %}

drawn_people as materialized (
    select
        as_of_date,
        user_key,
    from visitors_to_draw
    group by as_of_date, user_key
    qualify
        row_number() over (
            partition by as_of_date order by md5_number_lower(concat(user_key, as_of_date)), user_key
        ) <= {{ most_people }}
),

{% if is_incremental() %}

    held as (
        select held.*
        from {{ this }} as held
        semi join same_days on held.as_of_date = same_days.as_of_date
        union all
        select held.*
        from {{ this }} as held
        semi join drawn_people on held.as_of_date = drawn_people.as_of_date and held.user_key = drawn_people.user_key
        anti join {{ snapshot_people }} as written
            on held.as_of_date = written.as_of_date and held.user_key = written.user_key
    ),

    people_anew as (
        select drawn_people.*
        from drawn_people
        anti join held on drawn_people.as_of_date = held.as_of_date and drawn_people.user_key = held.user_key
    ),

{% else %}

    people_anew as (
        select * from drawn_people
    ),

{% endif %}

visitors_anew as materialized (
    select visitors.*
    from visitors
    semi join people_anew on visitors.as_of_date = people_anew.as_of_date and visitors.user_key = people_anew.user_key
),

items as (
    select
        as_of_date,
        item_id,
        {{ top_category('category') }} as category,
    from {{ ref('int_items_as_of') }}
),

-- items join on the left, and what has no category stays until the end: with an inner join, a plan could begin with all
-- people times all items of a day
days as (
    select
        visitors_anew.as_of_date,
        visitors_anew.user_key,
        items.category,
        user_item_days.event_date,
        user_item_days.view_count,
        user_item_days.cart_count,
        user_item_days.purchase_count,
        user_item_days.purchase_amount,
        {% for days in [7, 30, 90, 365] -%}
            cast(user_item_days.event_date > visitors_anew.as_of_date - {{ days }} as integer) as in_{{ days }}d,
        {% endfor -%}
    from visitors_anew
    inner join {{ ref('fct_user_item_days') }} as user_item_days
        on
            visitors_anew.visitor_key = user_item_days.visitor_key
            and visitors_anew.as_of_date >= user_item_days.event_date
            and visitors_anew.as_of_date - 365 < user_item_days.event_date
    left join items on visitors_anew.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
),

counted as (
    select
        as_of_date,
        user_key,
        category,
        {{ category_sums() }}
    from days
    group by as_of_date, user_key, category
),

-- who looked at nothing has a row without a category: to be learned from, and not to be counted again
past_categories as (
    select * from counted
    union all by name
    select people_anew.*
    from people_anew
    anti join counted on people_anew.as_of_date = counted.as_of_date and people_anew.user_key = counted.user_key
    {% if is_incremental() %}
        union all by name
        select * from held
    {% endif %}
)

select * from past_categories
