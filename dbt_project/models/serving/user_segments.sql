with

eligible as (
    select user_key from {{ ref('int_user_eligibility') }}
    where is_eligible
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
    where as_of_date = {{ run_date() }}
),

clusters as (
    select * from {{ source('predictions', 'user_clusters') }}
),

people as (
    select
        snapshots.*,
        snapshots.order_count_365d > 0 as is_buyer,
    from snapshots
    semi join eligible on snapshots.user_key = eligible.user_key
),

-- quintiles among buyers; equal values get equal scores, so that no one is better by the order of rows
rfm as (
    select
        *,
        case when is_buyer then {{ quintile('is_buyer', '-days_since_last_order') }} end as rfm_recency,
        case when is_buyer then {{ quintile('is_buyer', 'order_count_365d') }} end as rfm_frequency,
        case when is_buyer then {{ quintile('is_buyer', 'order_amount_365d') }} end as rfm_monetary,
    from people
),

segments as (
    select
        rfm.user_key,
        case
            when not rfm.is_buyer and rfm.open_cart_count > 0 then 'ready to buy'
            when not rfm.is_buyer then 'window shopper'
            when rfm.rfm_recency >= 4 and rfm.rfm_frequency >= 4 and rfm.rfm_monetary >= 4 then 'champion'
            when rfm.rfm_recency >= 3 and rfm.rfm_frequency >= 4 then 'loyal'
            when rfm.rfm_recency <= 2 and rfm.rfm_monetary >= 4 then 'at risk'
            when rfm.rfm_recency >= 4 and rfm.order_count_365d = 1 then 'new customer'
            when rfm.rfm_recency >= 3 then 'promising'
            when rfm.order_count_365d = 1 then 'one-time'
            else 'dormant'
        end as segment,
        rfm.rfm_recency,
        rfm.rfm_frequency,
        rfm.rfm_monetary,
        case
            when rfm.tenure_days < 30 then 'new'
            when rfm.days_since_last_event < 30 then 'active'
            when rfm.days_since_last_event < 90 then 'cooling'
            else 'lapsed'
        end as lifecycle,
        clusters.cluster_id,
        clusters.cluster_name,
        {{ run_date() }} as run_date,
    from rfm
    left join clusters on rfm.user_key = clusters.user_key
)

select * from segments
