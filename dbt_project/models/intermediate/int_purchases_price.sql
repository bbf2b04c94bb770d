-- The price paid has to be 1 % below the usual one to count as a discount: less is rounding.
{% set usual_days = 90 %}

with

-- no further back than the snapshots that this night writes look
looked_at as (
    select min(as_of_date) - 365 as after_date from {{ ref('int_snapshot_people') }}
),

purchases as (
    select
        visitor_key,
        item_id,
        event_date,
        purchase_quantity,
        purchase_amount,
        cast(purchase_amount / purchase_quantity as decimal(18, 4)) as paid_price,
    from {{ ref('fct_user_item_days') }}
    where
        purchase_quantity > 0
        and purchase_amount > 0
        and event_date > (select looked_at.after_date from looked_at)
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

-- what it sold for before that day, where no catalogue says what it costs
usual_prices as (
    select
        item_id,
        event_date,
        cast(median(median_price) over (
            partition by item_id order by event_date
            range between interval {{ usual_days }} days preceding and interval 1 day preceding
        ) as decimal(18, 4)) as usual_price,
    from {{ ref('fct_item_days') }}
    where
        median_price is not null
        and event_date > (select looked_at.after_date - {{ usual_days }} from looked_at)
),

priced as (
    select
        purchases.*,
        coalesce(list_prices.list_price, usual_prices.usual_price) as usual_price,
        purchases.paid_price * 100 < coalesce(list_prices.list_price, usual_prices.usual_price) * 99 as is_discounted,
    from purchases
    left join list_prices
        on
            purchases.item_id = list_prices.item_id
            and purchases.event_date >= list_prices.known_from
            and purchases.event_date < coalesce(list_prices.known_until, date 'infinity')
    left join usual_prices
        on purchases.item_id = usual_prices.item_id and purchases.event_date = usual_prices.event_date
)

select * from priced
