with

people as (
    select * from {{ ref('int_segmented_people') }}
    where as_of_date = {{ run_date() }}
),

-- people without enough data are in no table, and can leave too few of a cluster to be shown
clusters as (
    select found.*
    from {{ source('predictions', 'user_clusters') }} as found
    semi join people on found.user_key = people.user_key
    qualify count(*) over (partition by found.cluster_id) >= {{ var('min_people') }}
),

segments as (
    select
        people.user_key,
        people.segment,
        people.rfm_recency,
        people.rfm_frequency,
        people.rfm_monetary,
        people.lifecycle,
        clusters.cluster_id,
        clusters.cluster_name,
        {{ run_date() }} as run_date,
    from people
    left join clusters on people.user_key = clusters.user_key
)

select * from segments
