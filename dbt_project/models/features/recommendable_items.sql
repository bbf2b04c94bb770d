with

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
    where purpose = 'recommendations'
),

items as (
    select * from {{ ref('int_items_as_of') }}
),

catalogues as (
    select
        as_of_date,
        bool_or(is_in_catalogue) as has_catalogue,
    from items
    group by as_of_date
),

recommendable as (
    select
        as_of_dates.as_of_date,
        items.item_id,
    from as_of_dates
    inner join catalogues on as_of_dates.as_of_date = catalogues.as_of_date
    inner join items on as_of_dates.as_of_date = items.as_of_date
    where
        -- without a catalogue, what sells is what there is
        (items.is_in_catalogue or not catalogues.has_catalogue)
        and coalesce(items.stock_quantity, {{ var('min_stock') }}) >= {{ var('min_stock') }}
        -- where nobody says whether it is offered, a sale in the last quarter does
        and coalesce(items.is_active, items.last_sold_date > items.as_of_date - 90, false)
        and coalesce(items.price, {{ var('min_price') }}) >= {{ var('min_price') }}
        {% for category in var('blocked_categories') %}
            {%- set name = category | replace("'", "''") %}
            and not coalesce(items.category = '{{ name }}' or starts_with(items.category, '{{ name }} > '), false)
        {% endfor %}
)

select * from recommendable
