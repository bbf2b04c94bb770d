with

items as (
    select
        item_id,
        category,
        brand,
        popularity_rank,
    from {{ ref('feat_items') }}
    where as_of_date = {{ run_date() }} and is_recommendable
),

turns as (
    select
        *,
        row_number() over (partition by category order by popularity_rank) as rank_in_category,
        cast({{ turn('popularity_rank') }} as integer) as turn,
    from items
),

placed as (
    select
        *,
        row_number() over (order by turn, popularity_rank) as place,
    from turns
)

select * from placed
