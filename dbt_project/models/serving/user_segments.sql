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
        clusters.cluster_id,
        clusters.cluster_name,
        {{ run_date() }} as run_date,
    from people
    left join clusters on people.user_key = clusters.user_key
)

select * from segments
