{% set list_length = 10 %}

with

item_pairs as (
    select * from {{ ref('feat_item_pairs') }}
    where as_of_date = {{ run_date() }}
),

variants as (
    select
        item_id,
        coalesce(item_group_id, item_id) as group_id,
    from {{ ref('dim_items') }}
),

items as (
    select
        features.item_id,
        variants.group_id,
        features.category,
        features.brand,
        features.price,
        row_number() over (
            partition by features.category order by features.popularity_rank
        ) as rank_in_category,
    from {{ ref('feat_items') }} as features
    inner join variants on features.item_id = variants.item_id
    where features.as_of_date = {{ run_date() }} and features.is_recommendable
),

-- nobody looks for the same thing in another size
paired as (
    select
        item_pairs.item_id,
        item_pairs.relation,
        item_pairs.other_item_id as similar_item_id,
        item_pairs.score,
        item_pairs.support,
        row_number() over (
            partition by item_pairs.item_id, item_pairs.relation
            order by item_pairs.score desc, item_pairs.support desc, item_pairs.other_item_id
        ) as place,
    from item_pairs
    inner join variants on item_pairs.item_id = variants.item_id
    inner join items on item_pairs.other_item_id = items.item_id
    where variants.group_id <> items.group_id
    qualify place <= {{ list_length }}
),

known_counts as (
    select
        item_id,
        count(*) as known_count,
    from paired
    where relation = 'similar'
    group by item_id
),

-- what too few have looked at yet, the catalogue alone describes: same category, then same brand, then price
lacking as (
    select
        items.*,
        coalesce(known_counts.known_count, 0) as known_count,
    from items
    left join known_counts on items.item_id = known_counts.item_id
    where items.category is not null and coalesce(known_counts.known_count, 0) < {{ list_length }}
),

described as (
    select
        lacking.item_id,
        'similar' as relation,
        others.item_id as similar_item_id,
        0 as score,
        0 as support,
        lacking.known_count + row_number() over (
            partition by lacking.item_id
            order by
                coalesce(lacking.brand = others.brand, false) desc,
                abs(ln(nullif(lacking.price, 0) / nullif(others.price, 0))) nulls last,
                others.rank_in_category
        ) as place,
    from lacking
    -- the best-selling of a large category are enough to choose from
    inner join items as others
        on lacking.category = others.category and others.rank_in_category <= 5 * {{ list_length }}
    anti join paired
        on lacking.item_id = paired.item_id and others.item_id = paired.similar_item_id and paired.relation = 'similar'
    where lacking.group_id <> others.group_id
    qualify place <= {{ list_length }}
),

recommended as (
    select * from paired
    union all by name
    select * from described
),

recommendations as (
    select
        item_id,
        relation,
        cast(place as integer) as rank,
        similar_item_id,
        cast(score as double) as score,
        cast(support as integer) as support,
        {{ run_date() }} as run_date,
    from recommended
)

select * from recommendations
