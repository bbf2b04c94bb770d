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

item_days as (
    select
        as_of_dates.as_of_date,
        item_days.*,
        as_of_dates.as_of_date - item_days.event_date as days_ago,
    from as_of_dates
    inner join {{ ref('fct_item_days') }} as item_days
        on as_of_dates.as_of_date >= item_days.event_date and as_of_dates.as_of_date - 90 < item_days.event_date
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
        cast(coalesce(sum(anonymous_order_count) filter (where days_ago < 30), 0) as integer)
            as anonymous_order_count_30d,
    from item_days
    group by as_of_date, item_id
),

-- once for all days, and in one number per pair, three bits per as-of day: the pairs are what it costs
visitors as (
    select
        item_id,
        visitor_key,
        bit_or(
            {% for step in range(3) -%}
                {% set days_ago = '(' ~ recommendation_date(step) ~ ' - event_date)' -%}
                case when {{ days_ago }} between 0 and 29 then {{ 1 * 8 ** step }} else 0 end
                + case when {{ days_ago }} between 0 and 89 and view_count > 0 then {{ 2 * 8 ** step }} else 0 end
                + case when {{ days_ago }} between 0 and 89 and purchase_count > 0 then {{ 4 * 8 ** step }} else 0 end
                {{ '+' if not loop.last }}
            {% endfor -%}
        ) as reach_bits,
    from {{ ref('fct_user_item_days') }}
    where {{ recommendation_date(2) }} - 90 < event_date
    group by item_id, visitor_key
),

visitor_counts as (
    select
        item_id,
        reach_bits,
        count(*) as visitor_count,
    from visitors
    group by item_id, reach_bits
),

reach as (
    {% for step in range(3) -%}
        {% set bits = '(reach_bits // ' ~ 8 ** step ~ ')' -%}
        select
            {{ recommendation_date(step) }} as as_of_date,
            item_id,
            cast(coalesce(sum(visitor_count) filter (where {{ bits }} % 2 = 1), 0) as bigint) as visitor_count_30d,
            cast(coalesce(sum(visitor_count) filter (where {{ bits }} // 2 % 2 = 1), 0) as bigint) as viewer_count_90d,
            cast(coalesce(sum(visitor_count) filter (where {{ bits }} // 2 % 4 = 3), 0) as bigint)
                as buying_viewer_count_90d,
        from visitor_counts
        group by item_id
        {{ 'union all' if not loop.last }}
    {% endfor -%}
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
        nullif(split_part(items.category, ' > ', 1), '') as top_category,
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
        coalesce(reach.visitor_count_30d, 0) + coalesce(popularity.anonymous_order_count_30d, 0) as visitor_count_30d,
        coalesce(reach.viewer_count_90d, 0) as viewer_count_90d,
        round(reach.buying_viewer_count_90d / nullif(reach.viewer_count_90d, 0), 6) as view_conversion_rate,
        case
            when recommendable_items.item_id is not null then row_number() over (
                partition by known.as_of_date, recommendable_items.item_id is not null
                order by
                    coalesce(popularity.purchase_count_30d, 0) desc,
                    coalesce(reach.visitor_count_30d, 0) + coalesce(popularity.anonymous_order_count_30d, 0) desc,
                    known.item_id
            )
        end as popularity_rank,
    from known
    left join items on known.as_of_date = items.as_of_date and known.item_id = items.item_id
    left join recommendable_items
        on known.as_of_date = recommendable_items.as_of_date and known.item_id = recommendable_items.item_id
    left join popularity on known.as_of_date = popularity.as_of_date and known.item_id = popularity.item_id
    left join reach on known.as_of_date = reach.as_of_date and known.item_id = reach.item_id
)

select * from features
