-- A basket of 500 lines makes 125,000 pairs and says little of any: the 100 strongest items of a basket count.
{% set basket_size = 100 %}
{% set min_support = 3 %}
{% set pairs_per_item = 50 %}

with

as_of_dates as (
    select as_of_date from {{ ref('int_as_of_dates') }}
    where purpose = 'recommendations'
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

basket_counts as (
    select
        as_of_date,
        relation,
        count(distinct basket_id) as basket_count,
    from members
    group by as_of_date, relation
),

item_baskets as (
    select
        as_of_date,
        relation,
        item_id,
        count(*) as basket_count,
    from members
    group by as_of_date, relation, item_id
),

-- counted in one direction, then mirrored: half the work of the join
counted as (
    select
        one.as_of_date,
        one.relation,
        one.item_id,
        other.item_id as other_item_id,
        count(*) as support,
    from members as one
    inner join members as other
        on
            one.as_of_date = other.as_of_date
            and one.relation = other.relation
            and one.basket_id = other.basket_id
            and one.item_id < other.item_id
    group by one.as_of_date, one.relation, one.item_id, other.item_id
    having count(*) >= {{ min_support }}
),

pairs as (
    select * from counted
    union all
    select
        as_of_date,
        relation,
        other_item_id as item_id,
        item_id as other_item_id,
        support,
    from counted
),

scored as (
    select
        pairs.as_of_date,
        pairs.relation,
        pairs.item_id,
        pairs.other_item_id,
        cast(pairs.support as integer) as support,
        round(pairs.support / one.basket_count, 6) as confidence,
        round(
            pairs.support * cast(basket_counts.basket_count as double) / (one.basket_count * other.basket_count), 6
        ) as lift,
        -- cosine of the two items' baskets, damped so that a handful of shared baskets does not win
        round(pairs.support / (sqrt(one.basket_count * other.basket_count) + 5), 6) as score,
    from pairs
    inner join item_baskets as one
        on pairs.as_of_date = one.as_of_date and pairs.relation = one.relation and pairs.item_id = one.item_id
    inner join item_baskets as other
        on
            pairs.as_of_date = other.as_of_date
            and pairs.relation = other.relation
            and pairs.other_item_id = other.item_id
    inner join basket_counts
        on pairs.as_of_date = basket_counts.as_of_date and pairs.relation = basket_counts.relation
    qualify row_number() over (
        partition by pairs.as_of_date, pairs.relation, pairs.item_id order by score desc, pairs.other_item_id
    ) <= {{ pairs_per_item }}
)

select * from scored
