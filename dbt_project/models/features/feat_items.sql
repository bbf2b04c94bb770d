with

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
    where purpose = 'recommendations'
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

recommendable_items as (
    select * from {{ ref('recommendable_items') }}
),

-- as-of day by as-of day: a join by ranges of days would sort all days of all items
item_days as (
    {% for step in range(3) -%}
        {% set as_of_date = recommendation_date(step) %}
        select
            {{ as_of_date }} as as_of_date,
            *,
            {{ as_of_date }} - event_date as days_ago,
        from {{ ref('fct_item_days') }}
        where event_date <= {{ as_of_date }} and event_date > {{ as_of_date }} - 90
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

popularity as (
    select
        as_of_date,
        item_id,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [1, 7, 30, 90] -%}
                cast(coalesce(sum({{ name }}_count) filter (where days_ago < {{ days }}), 0) as integer)
                    as {{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        cast(sum(visitor_count + anonymous_order_count) filter (where days_ago < 30) as bigint) as visitor_count_30d,
        cast(sum(viewer_count) as bigint) as viewer_count_90d,
        cast(sum(buying_viewer_count) as bigint) as buying_viewer_count_90d,
    from item_days
    group by as_of_date, item_id
),

-- what is in the catalogue or was ever sold by the day, or was looked at in the last quarter
known as (
    select
        items.as_of_date,
        items.item_id,
    from items
    semi join as_of_dates on items.as_of_date = as_of_dates.as_of_date
    union
    select
        as_of_date,
        item_id,
    from popularity
),

features as (
    select
        known.as_of_date,
        known.item_id,
        items.title,
        items.category,
        {{ top_category('items.category') }} as top_category,
        items.brand,
        concat_ws(' ', items.title, items.category, items.brand) as text,
        items.price,
        recommendable_items.item_id is not null as is_recommendable,
        {% for name in ['view', 'cart', 'purchase'] -%}
            {% for days in [1, 7, 30, 90] -%}
                coalesce(popularity.{{ name }}_count_{{ days }}d, 0) as {{ name }}_count_{{ days }}d,
            {% endfor -%}
        {% endfor -%}
        {% for name in ['view', 'purchase'] -%}
            {{ trend('popularity.' ~ name ~ '_count', 7, 30) }} as {{ name }}_trend,
            {{ trend('popularity.' ~ name ~ '_count', 30, 90) }} as {{ name }}_trend_90d,
        {% endfor -%}
        coalesce(popularity.visitor_count_30d, 0) as visitor_count_30d,
        coalesce(popularity.viewer_count_90d, 0) as viewer_count_90d,
        round(popularity.buying_viewer_count_90d / nullif(popularity.viewer_count_90d, 0), 6) as view_conversion_rate,
        case
            when recommendable_items.item_id is not null then row_number() over (
                partition by known.as_of_date, recommendable_items.item_id is not null
                order by
                    coalesce(popularity.purchase_count_30d, 0) desc,
                    coalesce(popularity.visitor_count_30d, 0) desc,
                    known.item_id
            )
        end as popularity_rank,
    from known
    left join items on known.as_of_date = items.as_of_date and known.item_id = items.item_id
    left join recommendable_items
        on known.as_of_date = recommendable_items.as_of_date and known.item_id = recommendable_items.item_id
    left join popularity on known.as_of_date = popularity.as_of_date and known.item_id = popularity.item_id
)

select * from features
