-- The last quarter: tastes move, and older days would only be carried along.
{% set days = 90 %}
{% set sums %}
        sum({{ interaction_weight('user_item_days') }}) as weight,
        sum(user_item_days.purchase_quantity) as purchase_quantity,
        sum(user_item_days.purchase_amount) as purchase_amount,
{%- endset %}
{% set numbers %}
        cast(if(grouping(items.category_number) = 0, 'category', 'brand') as enum ('category', 'brand')) as kind,
        coalesce(items.category_number, items.brand_number) as number,
{%- endset %}

with

-- what people come back to is told of everybody, also by a night that is run again and writes few snapshots
people_today as (
    select
        user_key,
        visitor_key,
    from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

people_before as (
    select
        as_of_date,
        user_key,
        visitor_key,
    from {{ ref('int_snapshot_people') }}
    where as_of_date <> {{ run_date() }} and visitor_key is not null
),

user_item_days as not materialized (
    select * from {{ ref('fct_user_item_days') }}
),

items as (
    select * from {{ ref('int_items_as_of') }}
    where category is not null or brand is not null
),

-- numbers instead of texts: millions of rows are grouped by them
names as materialized (
    select
        kind,
        name,
        cast(row_number() over () as integer) as number,
    from (
        {% for kind in ['category', 'brand'] -%}
            select distinct
                '{{ kind }}' as kind,
                {{ kind }} as name,
            from items
            where {{ kind }} is not null
            {{ 'union all' if not loop.last }}
        {% endfor -%}
    ) as kinds
),

numbered_items as (
    select
        items.as_of_date,
        items.item_id,
        categories.number as category_number,
        brands.number as brand_number,
    from items
    left join names as categories on categories.kind = 'category' and items.category = categories.name
    left join names as brands on brands.kind = 'brand' and items.brand = brands.name
),

-- visitors are summed first and matched with people afterwards, which takes half of the time
visitor_interests as (
    select
        user_item_days.visitor_key,
        {{ numbers }}
        {{ sums }}
    from user_item_days
    left join numbered_items as items
        on user_item_days.item_id = items.item_id and items.as_of_date = {{ run_date() }}
    where user_item_days.event_date <= {{ run_date() }} and user_item_days.event_date > {{ run_date() }} - {{ days }}
    group by
        grouping sets (
            (user_item_days.visitor_key, items.category_number),
            (user_item_days.visitor_key, items.brand_number)
        )
),

weighed as (
    select
        {{ run_date() }} as as_of_date,
        people_today.user_key,
        visitor_interests.* exclude (visitor_key), -- noqa: RF02
    from people_today
    inner join visitor_interests on people_today.visitor_key = visitor_interests.visitor_key
    union all
    select
        people.as_of_date,
        people.user_key,
        {{ numbers }}
        {{ sums }}
    from people_before as people
    inner join user_item_days
        on
            people.visitor_key = user_item_days.visitor_key
            and people.as_of_date >= user_item_days.event_date
            and people.as_of_date - {{ days }} < user_item_days.event_date
    left join numbered_items as items
        on people.as_of_date = items.as_of_date and user_item_days.item_id = items.item_id
    where user_item_days.event_date > (select min(earlier.as_of_date) - {{ days }} from people_before as earlier)
    group by
        grouping sets (
            (people.as_of_date, people.user_key, items.category_number),
            (people.as_of_date, people.user_key, items.brand_number)
        )
),

interests as (
    select
        weighed.as_of_date,
        weighed.user_key,
        weighed.kind,
        names.name,
        cast(sum(weighed.weight) as bigint) as weight,
        cast(sum(weighed.purchase_quantity) as bigint) as purchase_quantity,
        cast(sum(weighed.purchase_amount) as decimal(18, 2)) as purchase_amount,
    from weighed
    left join names on weighed.number = names.number
    group by weighed.as_of_date, weighed.user_key, weighed.kind, names.name
)

select * from interests
