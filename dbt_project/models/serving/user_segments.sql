with

people as (
    select * from {{ ref('int_segmented_people') }}
    where as_of_date = {{ run_date() }}
),

clusters as (
    select * from {{ source('predictions', 'user_clusters') }}
),

segments as (
    select
        people.user_key,
        people.segment,
        people.rfm_recency,
        people.rfm_frequency,
        people.rfm_monetary,
        people.lifecycle,
        -- people without enough data are in no table, and can leave too few of a cluster to be shown
        case when count(*) over (partition by clusters.cluster_id) >= {{ var('min_people') }} then clusters.cluster_id end
            as cluster_id,
        case when count(*) over (partition by clusters.cluster_id) >= {{ var('min_people') }} then clusters.cluster_name end
            as cluster_name,
        {{ run_date() }} as run_date,
    from people
    left join clusters on people.user_key = clusters.user_key
)

select * from segments
