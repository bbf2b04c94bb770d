with

snapshots as (
    {{ labelled_snapshots(ref('feat_category_snapshots'), var('category_horizons_days')) }}
),

person_days as (
    {{ category_days_after('snapshots') }}
),

labels as (
    {{ category_labels('snapshots', 'person_days') }}
)

select * from labels
