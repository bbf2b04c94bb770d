{{ config(materialized='incremental', incremental_strategy='replace') }}

with

items as (
    select
        item_id,
        nullif(split_part(category, ' > ', 1), '') as category,
        category as category_path,
        brand,
    from {{ ref('int_items_as_of') }}
    where as_of_date = {{ run_date() }}
),

held as (
    {% if is_incremental() %}
        select
            item_id,
            category_path,
            brand,
        from {{ this }}
    {% else %}
        select * exclude (category)
        from items
        where false
    {% endif %}
),

compared as (
    select
        item_id,
        items.category,
        items.category_path,
        items.brand,
        coalesce(items.category_path, '') <> coalesce(held.category_path, '')
        or coalesce(items.brand, '') <> coalesce(held.brand, '') as is_changed,
    from items
    full join held using (item_id)
)

select * from compared
