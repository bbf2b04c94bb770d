{% set list_length = 10 %}

with

item_pairs as (
    select * from {{ ref('feat_item_pairs') }}
    where as_of_date = {{ run_date() }}
),

items as (
    select * from {{ ref('feat_items') }}
    where as_of_date = {{ run_date() }} and is_recommendable
),

ranked as (
    select
        item_pairs.item_id,
        item_pairs.relation,
        cast(row_number() over (
            partition by item_pairs.item_id, item_pairs.relation
            order by item_pairs.score desc, item_pairs.support desc, item_pairs.other_item_id
        ) as integer) as rank,
        item_pairs.other_item_id as similar_item_id,
        item_pairs.score,
        item_pairs.support,
        {{ run_date() }} as run_date,
    from item_pairs
    semi join items on item_pairs.other_item_id = items.item_id
    qualify rank <= {{ list_length }}
)

select * from ranked
