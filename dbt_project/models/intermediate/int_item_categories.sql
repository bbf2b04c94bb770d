{{ config(materialized='incremental', incremental_strategy='replace') }}

with

items as (
    select
        item_id,
        nullif(split_part(category, ' > ', 1), '') as category,
    from {{ ref('int_items_as_of') }}
    where as_of_date = {{ run_date() }}
),

held as (
    {% if is_incremental() %}
        select
            item_id,
            category,
        from {{ this }}
    {% else %}
        select * from items
        where false
    {% endif %}
),

compared as (
    select
        item_id,
        items.category,
        coalesce(items.category, '') <> coalesce(held.category, '') as is_changed,
    from items
    full join held using (item_id)
)

select * from compared
