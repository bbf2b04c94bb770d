with

deliveries as (
    select * from {{ ref('stg_items') }}
),

states as (
    select
        item_id,
        landed_date,
        price,
        stock_quantity,
        category,
        is_active,
        row(price, stock_quantity, category, is_active) as state,
    from deliveries
),

-- a delivery that says what the one before it said makes no row; a state that comes back makes a new one
changes as (
    select *
    from states
    window by_item as (partition by item_id order by landed_date)
    qualify
        lag(landed_date) over by_item is null
        or lag(state) over by_item is distinct from state
),

periods as (
    select
        item_id,
        landed_date as valid_from,
        lead(landed_date) over (partition by item_id order by landed_date) as valid_until,
        price,
        stock_quantity,
        category,
        {{ top_category('category') }} as top_category,
        is_active,
    from changes
),

history as (
    select
        *,
        valid_until is null as is_current,
    from periods
)

select * from history
