{{ config(materialized='incremental', incremental_strategy='replace') }}

with

deliveries as (
    select
        item_id,
        {{ top_category('category') }} as category,
        landed_date,
    from {{ ref('stg_items') }}
),

-- of an item that the catalogue did not know yet, as it first had it
starts as (
    select
        item_id,
        category,
        if(row_number() over by_item = 1, date '-infinity', landed_date) as from_date,
    from deliveries
    window by_item as (partition by item_id order by landed_date)
    qualify
        row_number() over by_item = 1
        or lag(category) over by_item is distinct from category
),

ends as (
    select
        *,
        coalesce(lead(from_date) over (partition by item_id order by from_date), date 'infinity') as until_date,
    from starts
),

periods as (
    select * from ends
    where category is not null
),

{% if is_incremental() %}

    held as (
        select
            item_id,
            category,
            from_date,
            until_date,
        from {{ this }}
        where category is not null
    ),

    -- what begins or ends after the last night is no change of the days that it knew
    known as (
        select
            item_id,
            category,
            from_date,
            if(until_date <= {{ last_night_date() }}, until_date, date 'infinity') as until_date,
        from periods
        where from_date <= {{ last_night_date() }}
    ),

    changed as (
        (
            select * from known
            except
            select * from held
        )
        union all
        (
            select * from held
            except
            select * from known
        )
    ),

    changed_items as (
        select distinct item_id from changed
    ),

    -- a row of an item without a category any more too: what was said of it is to be said anew
    compared as (
        select
            item_id,
            periods.category,
            periods.from_date,
            periods.until_date,
            changed_items.item_id is not null as is_changed,
        from periods
        full join changed_items using (item_id)
    )

{% else %}

    compared as (
        select
            *,
            true as is_changed,
        from periods
    )

{% endif %}

select * from compared
