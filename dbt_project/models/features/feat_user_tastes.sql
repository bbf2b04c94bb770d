{% set days = taste_days() | int %}
{% set favourites = 3 %}
{% set width = 4 * var('snapshot_every_days') | int %}
{% set periods = var('snapshot_count') | int // 4 + 1 %}
{% set kinds = [('category', 'categories'), ('brand', 'brands')] %}

with

-- what people like is told of everybody, also by a night that is run again and writes few snapshots
visitors as (
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
    union all
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_snapshot_people') }}
    where as_of_date <> {{ run_date() }} and visitor_key is not null
),

-- millions of rows are grouped by numbers instead of keys and texts, the names' in their order
people as materialized (
    select
        as_of_date,
        user_key,
        cast(row_number() over () as integer) as person_number,
        count(*) as visitor_count,
    from visitors
    group by as_of_date, user_key
),

numbered_visitors as materialized (
    select
        visitors.as_of_date,
        visitors.visitor_key,
        people.person_number,
        people.visitor_count,
    from visitors
    inner join people on visitors.as_of_date = people.as_of_date and visitors.user_key = people.user_key
),

user_item_days as not materialized (
    select
        user_item_days.visitor_key,
        user_item_days.item_id,
        user_item_days.event_date,
        cast({{ interaction_weight('user_item_days') }} as integer) as weight,
    from {{ ref('fct_user_item_days') }} as user_item_days
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

{% for kind, plural in kinds %}
    {{ plural }} as materialized (
        select
            {{ kind }} as name,
            {{ taste_key(kind, kind) }} as name_key,
            cast(row_number() over (order by {{ kind }}) as integer) as number,
        from items
        where {{ kind }} is not null
        group by {{ kind }}
    ),
{% endfor %}

numbered_items as (
    select
        items.as_of_date,
        items.item_id,
        categories.number as category_number,
        brands.number as brand_number,
    from items
    left join categories on items.category = categories.name
    left join brands on items.brand = brands.name
    where items.category is not null or items.brand is not null
),

-- Both kinds in one pass. The as-of days four at a time: a full build of all at once would spill what it groups many
-- times over, and of literal days DuckDB reads no others.
{% for period in range(periods) %}
    {% set from_date = run_date() ~ ' - ' ~ (period + 1) * width if period < periods - 1 else "date '-infinity'" %}
    {% set until_date = run_date() ~ ' - ' ~ period * width %}
    interests_{{ period }} as (
        select
            visitors.person_number,
            grouping(items.category_number) = 0 as is_category,
            coalesce(items.category_number, items.brand_number) as number,
            cast(sum(user_item_days.weight) as bigint) as weight,
        from numbered_visitors as visitors
        inner join user_item_days
            on
                visitors.visitor_key = user_item_days.visitor_key
                and visitors.as_of_date >= user_item_days.event_date
                and visitors.as_of_date - {{ days }} < user_item_days.event_date
        left join numbered_items as items
            on visitors.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
        where
            visitors.as_of_date < {{ until_date }}
            and user_item_days.event_date < {{ until_date }}
            and visitors.as_of_date >= {{ from_date }}
            and user_item_days.event_date > {{ from_date }} - {{ days }}
        group by
            grouping sets (
                (visitors.person_number, items.category_number),
                (visitors.person_number, items.brand_number)
            )
    ),
{% endfor %}

names as (
    {% for kind, plural in kinds -%}
        select
            name_key,
            {{ 'true' if kind == 'category' else 'false' }} as is_category,
            number,
        from {{ plural }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

-- those of the run date are added up night by night
visitor_interests as not materialized (
    select
        visitors.person_number,
        visitors.visitor_count,
        names.is_category,
        names.number,
        cast(visitor_tastes.weight_90d as bigint) as weight,
    from numbered_visitors as visitors
    inner join {{ ref('feat_visitor_tastes') }} as visitor_tastes on visitors.visitor_key = visitor_tastes.visitor_key
    inner join names on visitor_tastes.name_key = names.name_key
    where visitors.as_of_date = {{ run_date() }}
),

-- most people are one visitor, whose interests stand as they are
interests as (
    select * exclude (visitor_count) from visitor_interests
    where visitor_count = 1
    union all
    select
        person_number,
        is_category,
        number,
        cast(sum(weight) as bigint) as weight,
    from visitor_interests
    where visitor_count > 1
    group by person_number, is_category, number
    {% for period in range(periods) -%}
        union all
        select * from interests_{{ period }}
    {% endfor -%}
),

-- favourites by weight and then by name: one whole number to compare
summed as (
    select
        person_number,
        is_category,
        cast(count(*) as integer) as name_count,
        arg_max(number, weight * 2147483648 - number, {{ favourites }}) filter (where weight > 0) as favourites,
        round(max(weight) / nullif(sum(weight), 0), 6) as top_share,
        round(sum(weight * weight) / nullif(power(sum(weight), 2), 0), 6) as concentration,
    from interests
    where number is not null
    group by person_number, is_category
),

lists as (
    select
        {% for _, plural in kinds -%}
            (select list({{ plural }}.name order by {{ plural }}.number) from {{ plural }}) as {{ plural }},
        {% endfor -%}
),

named as (
    select
        summed.*,
        list_transform(
            summed.favourites,
            lambda number: if(summed.is_category, lists.categories[number], lists.brands[number]) -- noqa: RF02
        ) as names,
    from summed
    cross join lists
),

tastes as (
    select
        people.as_of_date,
        people.user_key,
        {% for kind, plural in kinds -%}
            {% set of_kind = 'filter (where ' ~ ('' if kind == 'category' else 'not ') ~ 'named.is_category)' -%}
            coalesce(any_value(named.name_count) {{ of_kind }}, 0) as {{ kind }}_count_90d,
            any_value(named.names) {{ of_kind }} as favourite_{{ plural }},
            any_value(named.names[1]) {{ of_kind }} as top_{{ kind }},
            any_value(named.top_share) {{ of_kind }} as top_{{ kind }}_share,
            any_value(named.concentration) {{ of_kind }} as {{ kind }}_concentration,
        {% endfor -%}
    from named
    inner join people on named.person_number = people.person_number
    group by people.as_of_date, people.user_key
)

select * from tastes
