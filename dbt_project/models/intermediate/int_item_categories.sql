{{ config(materialized='incremental', incremental_strategy='replace') }}

with

items as (
    select
        item_id,
        {{ top_category('category') }} as category,
        category as category_path,
        brand,
    from {{ ref('int_items_as_of') }}
    where as_of_date = {{ run_date() }}
),

held as (
    {% if is_incremental() %}
        select
            item_id,
            category,
            category_path,
            brand,
        from {{ this }}
    {% else %}
        select * from items
        where false
    {% endif %}
),

-- as lists, within which null is a value
compared as (
    select
        item_id,
        items.category,
        items.category_path,
        items.brand,
        [items.category] <> [held.category] as is_category_changed,
        [items.category_path, items.brand] <> [held.category_path, held.brand] as is_name_changed,
    from items
    full join held using (item_id)
)

select * from compared
