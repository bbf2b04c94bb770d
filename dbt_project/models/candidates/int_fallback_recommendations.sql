{% set k = var('k') %}
{# how far down the popular items there are k that fit, beside those that are excluded: k rows may stand there already,
   and fill up a category and a brand each #}
{% set is_capped = var('max_per_category') or var('max_per_brand') %}
{% set popular_count = 4 * k if is_capped else 2 * k %}

with

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

predicted as (
    select * from {{ ref('int_predicted_recommendations') }}
),

excluded_items as (
    select * from {{ ref('excluded_items') }}
    where as_of_date = {{ run_date() }}
),

items as (
    select * from {{ ref('int_popular_items') }}
),

interactions as (
    select * from {{ ref('feat_interactions') }}
    where as_of_date = {{ run_date() }}
),

item_pairs as (
    select * from {{ ref('feat_item_pairs') }}
    where as_of_date = {{ run_date() }} and relation = 'similar'
),

tastes as (
    select * from {{ ref('feat_user_snapshots') }}
    where as_of_date = {{ run_date() }}
),

-- k rows of turn 1 within a person's own list fit all caps, in whatever order
turns as (
    select
        predicted.user_key,
        {{ turn('predicted.place', 'predicted.user_key') }} as turn,
    from predicted
    inner join items on predicted.item_id = items.item_id
),

served as (
    select user_key
    from turns
    where turn = 1
    group by user_key
    -- under caps a new item takes up room in its category and in its brand
    having count(*) >= {{ k }} + {{ var('new_items_per_list') if is_capped else 0 }}
),

lacking as (
    select
        eligible.user_key,
        count(excluded_items.item_id) as excluded_count,
    from eligible
    left join excluded_items on eligible.user_key = excluded_items.user_key
    anti join served on eligible.user_key = served.user_key
    group by eligible.user_key
),

similar_items as (
    select
        lacking.user_key,
        lacking.excluded_count,
        item_pairs.other_item_id as item_id,
        -- decimal, since a sum of doubles depends on the order of its terms
        cast(sum(cast(interactions.weight * item_pairs.score as decimal(18, 9))) as double) as score,
        arg_max(
            struct_pack(item_id := interactions.item_id, event_type := interactions.last_event_type),
            (interactions.weight * item_pairs.score, interactions.item_id)
        ) as strongest,
    from lacking
    inner join interactions on lacking.user_key = interactions.user_key
    inner join item_pairs on interactions.item_id = item_pairs.item_id
    semi join items on item_pairs.other_item_id = items.item_id
    group by lacking.user_key, lacking.excluded_count, item_pairs.other_item_id
),

similar_rows as (
    select
        user_key,
        item_id,
        row_number() over (partition by user_key order by score desc, item_id) as place,
        round(score, 6) as score,
        case strongest.event_type
            when 'order_completed' then 'because_bought'
            when 'product_added' then 'because_added'
            else 'because_viewed'
        end as reason,
        strongest.item_id as reason_item_id,
        1 as fallback_level,
    from similar_items
    qualify place <= excluded_count + 2 * {{ k }}
),

category_rows as (
    select
        lacking.user_key,
        items.item_id,
        items.rank_in_category as place,
        round(1 / items.rank_in_category, 6) as score,
        'popular_in_category' as reason,
        cast(null as varchar) as reason_item_id,
        2 as fallback_level,
    from lacking
    inner join tastes on lacking.user_key = tastes.user_key
    inner join items
        on tastes.top_category = items.category and lacking.excluded_count + 2 * {{ k }} >= items.rank_in_category
),

popular_rows as (
    select
        lacking.user_key,
        items.item_id,
        items.place,
        round(1 / items.popularity_rank, 6) as score,
        'popular' as reason,
        cast(null as varchar) as reason_item_id,
        3 as fallback_level,
    from lacking
    inner join items on lacking.excluded_count + {{ popular_count }} >= items.place
),

fallbacks as (
    select * from similar_rows
    union all
    select * from category_rows
    union all
    select * from popular_rows
)

select * from fallbacks
