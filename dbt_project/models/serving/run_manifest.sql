{%
    set published = [
        ref('user_recommendations'), ref('newcomer_recommendations'), ref('item_recommendations'), ref('user_segments'),
        ref('user_segment_history'), ref('segment_migrations'), ref('user_predictions'), ref('user_category_predictions'),
        ref('prediction_outcomes'), ref('user_profiles'), ref('item_profiles'), ref('audiences'), ref('audience_members'),
        ref('daily_kpis'),
    ]
%}

with

tables as (
    {% for relation in published %}
        select
            '{{ relation.identifier }}' as name,
            count(*) as row_count,
        from {{ relation }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

models as (
    select * from {{ source('predictions', 'models') }}
),

events as (
    select count(*) filter (where event_type = 'product_viewed') as view_count
    from {{ ref('fct_events') }}
),

-- where a refund of a whole order has the amount that it was of
order_lines as (
    select count(*) filter (where line_amount is null) as unknown_amount_count
    from {{ ref('fct_order_items') }}
),

items as (
    select
        count(category) as category_count,
        count(*) filter (where is_in_catalogue) as catalogue_count,
        {% for category in var('blocked_categories') -%}
            {%- set name = category | replace("'", "''") -%}
            count(*) filter (where category = '{{ name }}' or starts_with(category, '{{ name }} > '))
                as blocked_count_{{ loop.index }},
        {% endfor -%}
    from {{ ref('dim_items') }}
),

{% for scope, condition in [
    ('night', 'landed_date = ' ~ run_date()), ('standing', 'is_standing')
] %}
    {{ scope }} as (
        select
            count(*) as files,
            {% for name in ['read', 'landed', 'quarantined', 'duplicate', 'skipped', 'late_event'] %}
                cast(coalesce(sum({{ name }}_count), 0) as bigint) as {{ name }},
            {% endfor %}
        from {{ ref('fct_deliveries') }}
        where {{ condition }}
    ),
{% endfor %}

bots as (
    select
        count(*) as visitors,
        cast(coalesce(sum(event_count), 0) as bigint) as events,
    from {{ ref('int_bots') }}
),

warnings as (
    select sentence from {{ ref('fct_intake_checks') }}
    where verdict <> 'pass'
),

degraded as (
    select distinct degraded as sentence from models
    where degraded is not null
    union all
    select 'no product views: similar items and tastes come from purchases alone' as sentence from events
    where view_count = 0
    union all
    select unknown_amount_count || ' order lines have no price in {{ var("currency") }}: not in revenue' as sentence
    from order_lines
    where unknown_amount_count > 0
    union all
    select 'no categories: favourite categories and popular_in_category are switched off' as sentence from items
    where category_count = 0
    union all
    {% for category in var('blocked_categories') %}
        select 'the blocked category {{ category | replace("'", "''") }} names no item' as sentence from items
        where blocked_count_{{ loop.index }} = 0
        union all
    {% endfor %}
    select 'no catalogue: items are known from events alone' as sentence from items
    where catalogue_count = 0
),

manifest as (
    select
        '{{ var("build_id") }}' as build_id,
        '{{ var("shop") }}' as shop,
        {{ run_date() }} as run_date,
        (
            select cast(to_json(list({'name': name, 'rows': row_count} order by name)) as varchar) from tables
        ) as tables,
        (
            select cast(coalesce(to_json(list(models order by task)), '[]') as varchar) from models
        ) as models,
        (
            select cast(coalesce(to_json(list(sentence order by sentence)), '[]') as varchar) from degraded
        ) as degraded,
        cast(to_json({
            'night': (select night from night),
            'standing': (select standing from standing),
            'bots': (select bots from bots),
            'warnings': (select coalesce(list(sentence order by sentence), []) from warnings)
        }) as varchar) as intake,
)

select * from manifest
