{# of a country: with fewer, the shop's own popularity says more #}
{% set fewest_buyers = 20 %}
{# of an item in a country: what one or two bought says more of them than of the country #}
{% set fewest_buyers_of_item = 3 %}

with

users as (
    select
        user_key,
        nullif(trim(json_extract_string(traits, '$.country')), '') as country,
    from {{ ref('dim_users') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

items as (
    select * from {{ ref('int_popular_items') }}
),

purchases as (
    select distinct
        users.country,
        users.user_key,
        user_item_days.item_id,
    from {{ ref('fct_user_item_days') }} as user_item_days
    inner join persons on user_item_days.visitor_key = persons.visitor_key
    inner join users on persons.user_key = users.user_key
    where
        users.country is not null
        and user_item_days.purchase_count > 0
        and user_item_days.event_date > {{ run_date() }} - 30
),

countries as (
    select country from purchases
    group by country
    having count(distinct user_key) >= {{ fewest_buyers }}
),

audiences as (
    select country from countries
    union all
    select 'all' as country
),

bought_items as (
    select
        country,
        item_id,
        count(*) as buyer_count,
    from purchases
    group by country, item_id
    having count(*) >= {{ fewest_buyers_of_item }}
),

country_rows as (
    select
        bought_items.country,
        items.item_id,
        items.category,
        items.brand,
        row_number() over (
            partition by bought_items.country order by bought_items.buyer_count desc, items.popularity_rank
        ) as place,
        'popular_in_country' as reason,
        2 as fallback_level,
    from bought_items
    semi join countries on bought_items.country = countries.country
    inner join items on bought_items.item_id = items.item_id
),

popular_rows as (
    select
        audiences.country,
        items.item_id,
        items.category,
        items.brand,
        items.place,
        'popular' as reason,
        3 as fallback_level,
    from audiences
    inner join items on items.place <= 4 * {{ var('k') }}
),

candidates as (
    select * from country_rows
    union all
    select * from popular_rows
),

distinct_candidates as (
    select * from candidates
    qualify row_number() over (partition by country, item_id order by fallback_level) = 1
),

chosen as (
    {{ first_within_caps('distinct_candidates', 'country', 'fallback_level, place, item_id') }}
),

recommendations as (
    select
        country,
        cast(row_number() over (partition by country order by fallback_level, place, item_id) as integer) as rank,
        item_id,
        round(1 / place, 6) as score,
        reason,
        cast(fallback_level as integer) as fallback_level,
        md5(concat_ws('|', 'newcomer', country, item_id, '{{ var("run_date") }}')) as recommendation_id,
        {{ run_date() }} as run_date,
    from chosen
)

select * from recommendations
