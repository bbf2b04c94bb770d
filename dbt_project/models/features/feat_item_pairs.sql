-- A basket of 500 lines makes 125,000 pairs and says little of any: the 100 strongest items of a basket count.
{% set basket_size = 100 %}
{% set min_support = 3 %}
{% set pairs_per_item = 50 %}

with

as_of_dates as (
    select {{ run_date() }} as as_of_date
),

order_items as (
    select * from {{ ref('fct_order_items') }}
    where not is_refund and item_id is not null
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
),

baskets as (
    select
        as_of_dates.as_of_date,
        'bought_together' as relation,
        order_items.order_key as basket_id,
        order_items.item_id,
        sum(coalesce(order_items.line_amount, 0)) as strength,
    from as_of_dates
    inner join order_items
        on
            as_of_dates.as_of_date >= order_items.event_date
            and as_of_dates.as_of_date - 365 < order_items.event_date
    group by as_of_dates.as_of_date, order_items.order_key, order_items.item_id
    union all
    select
        as_of_dates.as_of_date,
        'similar' as relation,
        cast(user_item_days.visitor_key as varchar) as basket_id,
        user_item_days.item_id,
        sum({{ interaction_weight('user_item_days') }}) as strength,
    from as_of_dates
    inner join user_item_days
        on
            as_of_dates.as_of_date >= user_item_days.event_date
            and as_of_dates.as_of_date - 180 < user_item_days.event_date
    group by as_of_dates.as_of_date, user_item_days.visitor_key, user_item_days.item_id
),

members as (
    select
        as_of_date,
        relation,
        basket_id,
        item_id,
    from baskets
    qualify row_number() over (
        partition by as_of_date, relation, basket_id order by strength desc, item_id
    ) <= {{ basket_size }}
),

-- numbers instead of texts, in the texts' order: the join of baskets with themselves takes two thirds of the time
series as (
    select
        as_of_date,
        relation,
        count(distinct basket_id) as basket_count,
        cast(row_number() over (order by as_of_date, relation) as integer) as series_number,
    from members
    group by as_of_date, relation
),

basket_numbers as (
    select
        as_of_date,
        relation,
        basket_id,
        cast(row_number() over (order by as_of_date, relation, basket_id) as integer) as basket_number,
    from members
    group by as_of_date, relation, basket_id
),

item_numbers as (
    select
        item_id,
        cast(row_number() over (order by item_id) as integer) as item_number,
    from members
    group by item_id
),

numbered as (
    select
        series.series_number,
        basket_numbers.basket_number,
        item_numbers.item_number,
    from members
    inner join series on members.as_of_date = series.as_of_date and members.relation = series.relation
    inner join basket_numbers
        on
            members.as_of_date = basket_numbers.as_of_date
            and members.relation = basket_numbers.relation
            and members.basket_id = basket_numbers.basket_id
    inner join item_numbers on members.item_id = item_numbers.item_id
),

item_baskets as (
    select
        series_number,
        item_number,
        count(*) as basket_count,
    from numbered
    group by series_number, item_number
),

-- counted in one direction, then mirrored: half the work of the join
counted as (
    select
        one.series_number,
        one.item_number,
        other.item_number as other_number,
        count(*) as support,
    from numbered as one
    inner join numbered as other on one.basket_number = other.basket_number and one.item_number < other.item_number
    group by one.series_number, one.item_number, other.item_number
    having count(*) >= {{ min_support }}
),

scored as (
    select
        counted.*,
        one.basket_count,
        other.basket_count as other_basket_count,
        -- cosine of the two items' baskets, damped so that a handful of shared baskets does not win
        round(counted.support / (sqrt(one.basket_count * other.basket_count) + 5), 6) as score,
    from counted
    inner join item_baskets as one
        on counted.series_number = one.series_number and counted.item_number = one.item_number
    inner join item_baskets as other
        on counted.series_number = other.series_number and counted.other_number = other.item_number
),

mirrored as (
    select * from scored
    union all
    select
        series_number,
        other_number as item_number,
        item_number as other_number,
        support,
        other_basket_count as basket_count,
        basket_count as other_basket_count,
        score,
    from scored
),

best as (
    select * from mirrored
    qualify row_number() over (
        partition by series_number, item_number order by score desc, other_number
    ) <= {{ pairs_per_item }}
),

pairs as (
    select
        series.as_of_date,
        series.relation,
        one.item_id,
        other.item_id as other_item_id,
        cast(best.support as integer) as support,
        round(best.support / best.basket_count, 6) as confidence,
        round(
            best.support * cast(series.basket_count as double) / (best.basket_count * best.other_basket_count), 6
        ) as lift,
        best.score,
    from best
    inner join series on best.series_number = series.series_number
    inner join item_numbers as one on best.item_number = one.item_number
    inner join item_numbers as other on best.other_number = other.item_number
)

select * from pairs
