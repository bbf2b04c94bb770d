-- A basket of 500 lines makes 125,000 pairs and says little of any: the 100 strongest items of a basket count.
{% set basket_size = 100 %}
{% set min_support = 3 %}
{% set pairs_per_item = 50 %}

with

order_items as (
    select * from {{ ref('fct_order_items') }}
    where not is_refund and item_id is not null
),

user_item_days as (
    select * from {{ ref('fct_user_item_days') }}
    where event_date > {{ run_date() }} - 180
),

baskets as (
    select
        'bought_together' as relation,
        order_key as basket_id,
        item_id,
        sum(coalesce(line_amount, 0)) as strength,
    from order_items
    group by order_key, item_id
    union all
    select
        'similar' as relation,
        cast(visitor_key as varchar) as basket_id,
        item_id,
        sum({{ interaction_weight('user_item_days') }}) as strength,
    from user_item_days
    group by visitor_key, item_id
),

members as (
    select
        relation,
        basket_id,
        item_id,
    from baskets
    qualify row_number() over (partition by relation, basket_id order by strength desc, item_id) <= {{ basket_size }}
),

item_baskets as (
    select
        relation,
        item_id,
        count(*) as basket_count,
    from members
    group by relation, item_id
),

-- counted in one direction, then mirrored: half the work of the join
counted as (
    select
        one.relation,
        one.item_id,
        other.item_id as other_item_id,
        count(*) as support,
    from members as one
    inner join members as other
        on one.relation = other.relation and one.basket_id = other.basket_id and one.item_id < other.item_id
    group by one.relation, one.item_id, other.item_id
    having count(*) >= {{ min_support }}
),

pairs as (
    select * from counted
    union all
    select
        relation,
        other_item_id as item_id,
        item_id as other_item_id,
        support,
    from counted
),

scored as (
    select
        pairs.relation,
        pairs.item_id,
        pairs.other_item_id,
        cast(pairs.support as integer) as support,
        -- cosine of the two items' baskets, damped so that a handful of shared baskets does not win
        round(pairs.support / (sqrt(one.basket_count * other.basket_count) + 5), 6) as score,
    from pairs
    inner join item_baskets as one on pairs.relation = one.relation and pairs.item_id = one.item_id
    inner join item_baskets as other on pairs.relation = other.relation and pairs.other_item_id = other.item_id
    qualify row_number() over (
        partition by pairs.relation, pairs.item_id order by score desc, pairs.other_item_id
    ) <= {{ pairs_per_item }}
)

select * from scored
