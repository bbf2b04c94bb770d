-- A basket of 500 lines makes 125,000 pairs and says little of any: the 100 strongest items of a basket count, and of
-- what a visitor looked at only the newest days that fill one. Likewise so many baskets of an item are enough to know
-- what goes with it (Apache Mahout's item similarities take as many, its maxPrefs). Orders are short, and all of
-- them count.
{% set min_support = 3 %}
{% set drawn_visitors = var('pairs_drawn_visitors', 500) %}
{% set pairs_per_item = 50 %}

with

order_items as not materialized (
    select * from {{ ref('fct_order_items') }}
    where not is_refund and item_id is not null and event_date > {{ run_date() }} - 365
),

user_item_days as (
    select
        user_item_days.visitor_key,
        user_item_days.item_id,
        {{ interaction_weight('user_item_days') }} as weight,
    from {{ ref('fct_user_item_days') }} as user_item_days
    inner join {{ ref('int_basket_starts') }} as starts
        on user_item_days.visitor_key = starts.visitor_key and user_item_days.event_date >= starts.first_date
    where user_item_days.event_date > {{ run_date() }} - {{ basket_days() }}
),

-- numbers instead of texts, the items' in the texts' order: to rank them takes half of the time, to join baskets with
-- themselves a third
item_numbers as (
    select
        item_id,
        cast(row_number() over (order by item_id) as integer) as item_number,
    from {{ ref('dim_items') }}
),

visitor_baskets as (
    select
        hash(user_item_days.visitor_key) as basket_hash,
        item_numbers.item_number,
        sum(user_item_days.weight) as strength,
    from user_item_days
    inner join item_numbers on user_item_days.item_id = item_numbers.item_id
    group by hash(user_item_days.visitor_key), item_numbers.item_number
),

-- orders that are no baskets as they stand: larger than one, or with an item on several lines
uneven_orders as (
    select order_key from {{ ref('fct_orders') }}
    where item_count > {{ basket_size() }} or item_count < line_count
),

uneven_order_items as (
    select
        order_items.order_key,
        item_numbers.item_number,
        sum(coalesce(order_items.line_amount, 0)) as strength,
    from order_items
    semi join uneven_orders on order_items.order_key = uneven_orders.order_key
    inner join item_numbers on order_items.item_id = item_numbers.item_id
    group by order_items.order_key, item_numbers.item_number
),

-- even orders are taken as they stand; only uneven ones and visitors are summed and ranked
members as (
    select
        true as is_order,
        hash(order_items.order_key) as basket_hash,
        item_numbers.item_number,
    from order_items
    anti join uneven_orders on order_items.order_key = uneven_orders.order_key
    inner join item_numbers on order_items.item_id = item_numbers.item_id
    union all
    select
        true as is_order,
        hash(order_key) as basket_hash,
        item_number,
    from uneven_order_items
    qualify row_number() over (partition by order_key order by strength desc, item_number) <= {{ basket_size() }}
    union all
    select
        false as is_order,
        basket_hash,
        item_number,
    from visitor_baskets
    qualify row_number() over (partition by basket_hash order by strength desc, item_number) <= {{ basket_size() }}
),

-- orders have a row each, and no keys to tell apart; here an order is of the day of its first line
kinds as (
    select
        true as is_order,
        count(*) as basket_count,
    from {{ ref('fct_orders') }}
    where item_count > 0 and order_date > {{ run_date() }} - 365
    union all
    select
        false as is_order,
        count(distinct basket_hash) as basket_count,
    from members
    where not is_order
),

-- an item's rank, the rarest first, tells its relation too
item_baskets as materialized (
    select
        is_order,
        item_number,
        count(*) as basket_count,
        cast(row_number() over (order by count(*), is_order, item_number) as integer) as rank,
        if(is_order, null, {{ drawn_visitors }} / cast(count(*) as double)) as drawn_share,
    from members
    group by is_order, item_number
),

-- orders are short: their pairs are unfolded, all of them
order_ranks as (
    select list(item_baskets.rank) as ranks
    from members
    inner join item_baskets on members.item_number = item_baskets.item_number
    where members.is_order and item_baskets.is_order
    group by members.basket_hash
    having count(*) > 1
),

order_sides as (
    select
        ranks,
        unnest(ranks) as rank,
    from order_ranks
),

order_pairs as (
    select
        rank,
        unnest(ranks) as other_rank,
    from order_sides
),

-- of a visitor's baskets, those with a small hash are drawn for an item: others, where another DuckDB hashes otherwise
visitor_ranks as materialized (
    select
        members.basket_hash,
        item_baskets.rank,
        (members.basket_hash >> 32) < item_baskets.drawn_share * 4294967296 as is_drawn,
    from members
    inner join item_baskets on members.item_number = item_baskets.item_number
    where not members.is_order and not item_baskets.is_order
),

drawn as (
    select
        rank,
        count(*) as drawn_count,
    from visitor_ranks
    where is_drawn
    group by rank
    union all
    select
        rank,
        basket_count as drawn_count,
    from item_baskets
    where is_order
),

-- all pairs of an item after each other: counting them stays within the processor's caches, and takes half of the time
ordered as materialized (
    select
        basket_hash,
        rank,
    from visitor_ranks
    order by rank
),

-- in one direction, half the work of the join: in the baskets drawn for the rarer of two items
counted as (
    select
        rarer.rank,
        other.rank as other_rank,
        count(*) as drawn_support,
    from ordered as other
    inner join visitor_ranks as rarer
        on other.basket_hash = rarer.basket_hash and other.rank > rarer.rank
    where rarer.is_drawn
    group by rarer.rank, other.rank
    having count(*) >= {{ min_support }}
    union all
    select
        rank,
        other_rank,
        count(*) as drawn_support,
    from order_pairs
    where other_rank > rank
    group by rank, other_rank
    having count(*) >= {{ min_support }}
),

estimated as (
    select
        rarer.is_order,
        rarer.item_number,
        other.item_number as other_number,
        rarer.basket_count,
        other.basket_count as other_basket_count,
        -- what was counted in the baskets drawn stands for all of the rarer item
        round(counted.drawn_support * rarer.basket_count / drawn.drawn_count) as support,
    from counted
    inner join drawn on counted.rank = drawn.rank
    inner join item_baskets as rarer on counted.rank = rarer.rank
    inner join item_baskets as other on counted.other_rank = other.rank
),

scored as (
    select
        *,
        -- cosine of the two items' baskets, damped so that a handful of shared baskets does not win
        round(support / (sqrt(basket_count * other_basket_count) + 5), 6) as score,
    from estimated
),

-- the best of each item on either side of its pairs, by score and then by the other's number: one whole number to
-- compare, and no sort of all pairs; with what else is said of a pair, since it is not looked up again
best_of_sides as (
    {% for item, count, other, other_count in [
        ('item_number', 'basket_count', 'other_number', 'other_basket_count'),
        ('other_number', 'other_basket_count', 'item_number', 'basket_count'),
    ] -%}
        select
            is_order,
            {{ item }} as item_number,
            arg_max(
                {
                    'other_number': {{ other }},
                    'basket_count': {{ count }},
                    'other_basket_count': {{ other_count }},
                    'support': support,
                    'score': score
                },
                cast(score * 1000000 as bigint) * 2147483648 - {{ other }},
                {{ pairs_per_item }}
            ) as best,
        from scored
        group by is_order, {{ item }}
        {{ 'union all' if not loop.last }}
    {% endfor -%}
),

unfolded as (
    select
        is_order,
        item_number,
        unnest(best, recursive := true), -- noqa: AL03
    from best_of_sides
),

best as (
    select * from unfolded
    qualify row_number() over (
        partition by is_order, item_number order by score desc, other_number
    ) <= {{ pairs_per_item }}
),

pairs as (
    select
        {{ run_date() }} as as_of_date,
        case when kinds.is_order then 'bought_together' else 'similar' end as relation,
        one.item_id,
        other.item_id as other_item_id,
        cast(best.support as integer) as support,
        round(best.support / best.basket_count, 6) as confidence,
        round(
            best.support * cast(kinds.basket_count as double)
            / (best.basket_count * best.other_basket_count), 6
        ) as lift,
        best.score,
    from best
    inner join kinds on best.is_order = kinds.is_order
    inner join item_numbers as one on best.item_number = one.item_number
    inner join item_numbers as other on best.other_number = other.item_number
)

select * from pairs
