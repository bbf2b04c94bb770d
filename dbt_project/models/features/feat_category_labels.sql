with

snapshots as (
    {{ labelled_snapshots(ref('feat_category_snapshots'), var('category_horizons_days')) }}
),

purchases as (
    {{ category_purchases('snapshots') }}
),

labels as (
    {{ category_labels('snapshots', 'purchases') }}
)

select * from labels
