{% set k = var('k') %}

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
    select
        *,
        row_number() over (order by purchase_count_30d desc, visitor_count_30d desc, item_id) as popularity_rank,
        row_number() over (
            partition by category order by purchase_count_30d desc, visitor_count_30d desc, item_id
        ) as rank_in_category,
    from {{ ref('feat_items') }}
    where as_of_date = {{ run_date() }} and is_recommendable
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
    select * from {{ ref('feat_user_tastes') }}
    where as_of_date = {{ run_date() }}
),

served as (
    select user_key
    from predicted
    group by user_key
    having count(*) >= {{ k }}
),

-- excluded_count + 2 k of a ranking are enough, whatever is excluded or already in the list
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
        items.popularity_rank as place,
        round(1 / items.popularity_rank, 6) as score,
        'popular' as reason,
        cast(null as varchar) as reason_item_id,
        3 as fallback_level,
    from lacking
    inner join items on lacking.excluded_count + 2 * {{ k }} >= items.popularity_rank
),

fallbacks as (
    select * from similar_rows
    union all
    select * from category_rows
    union all
    select * from popular_rows
)

select * from fallbacks
