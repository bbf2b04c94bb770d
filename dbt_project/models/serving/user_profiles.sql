with

users as (
    select * from {{ ref('dim_users') }}
    where is_eligible
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
    where as_of_date = {{ run_date() }}
),

habits as (
    select * from {{ ref('feat_user_habits') }}
),

category_predictions as (
    select * from {{ ref('user_category_predictions') }}
    where is_eligible and probability is not null
),

-- of several targets about categories, the one with the shortest window
ranked_interests as (
    select
        user_key,
        category,
        row_number() over (partition by user_key, target order by probability desc, category) as place,
    from category_predictions
    qualify target = first_value(target) over (order by horizon_days, target)
),

interests as (
    select
        user_key,
        list(category order by place) as categories,
    from ranked_interests
    where place <= 3
    group by user_key
),

buy_again_due as (
    select * from {{ ref('int_buy_again_due') }}
),

profiles as (
    select
        users.user_key,
        users.first_seen_at,
        users.last_seen_at,
        snapshots.days_since_last_event,
        snapshots.tenure_days,
        snapshots.session_count_30d,
        snapshots.view_count_30d,
        snapshots.cart_count_30d,
        snapshots.open_cart_count,
        snapshots.order_count_30d,
        snapshots.order_count_90d,
        snapshots.order_count_365d,
        snapshots.order_amount_30d,
        snapshots.order_amount_90d,
        snapshots.order_amount_365d,
        snapshots.mean_order_amount,
        snapshots.days_since_last_order,
        snapshots.mean_days_between_orders,
        habits.favourite_categories,
        habits.favourite_brands,
        -- thirds of the people who bought something in the last 90 days
        case
            when snapshots.mean_item_price is null then null
            else ['low', 'middle', 'high'][cast(1 + least(2, floor(3 * percent_rank() over (
                partition by snapshots.mean_item_price is null order by snapshots.mean_item_price
            ))) as integer)]
        end as price_level,
        habits.usual_hour,
        habits.usual_weekday,
        habits.usual_source,
        coalesce(interests.categories, []) as predicted_interests,
        coalesce(buy_again_due.item_ids, []) as buy_again_due,
        {{ run_date() }} as run_date,
    from users
    inner join snapshots on users.user_key = snapshots.user_key
    left join habits on users.user_key = habits.user_key
    left join interests on users.user_key = interests.user_key
    left join buy_again_due on users.user_key = buy_again_due.user_key
)

select * from profiles
