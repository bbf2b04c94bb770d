{% set usual_days = 90 %}

with

-- no further back than the snapshots that this night writes look
looked_at as (
    select min(as_of_date) - 365 as after_date from {{ ref('int_snapshot_people') }}
),

-- what it sold for before that day, where no catalogue says what it costs
sale_days as (
    select
        item_id,
        event_date,
        cast(median(median_price) over (
            partition by item_id order by event_date
            range between interval {{ usual_days }} days preceding and interval 1 day preceding
        ) as decimal(18, 4)) as sold_price,
    from {{ ref('fct_item_days') }}
    where
        median_price is not null
        and event_date > (select looked_at.after_date - {{ usual_days }} from looked_at)
),

list_prices as (
    select
        item_id,
        price as list_price,
        landed_date as known_from,
        lead(landed_date) over (partition by item_id order by landed_date) as known_until,
    from {{ ref('stg_items') }}
    where price > 0 and coalesce(currency, '{{ var("currency") }}') = '{{ var("currency") }}'
),

usual_prices as (
    select
        sale_days.item_id,
        sale_days.event_date,
        coalesce(list_prices.list_price, sale_days.sold_price) as usual_price,
    from sale_days
    left join list_prices
        on
            sale_days.item_id = list_prices.item_id
            and sale_days.event_date >= list_prices.known_from
            and sale_days.event_date < coalesce(list_prices.known_until, date 'infinity')
    where sale_days.event_date > (select looked_at.after_date from looked_at)
)

select * from usual_prices
