with

-- whoever a key is found to belong to by the run date has done what its events say, even if nobody knew on the day
snapshots as (
    {{ labelled_snapshots(ref('feat_user_snapshots'), var('horizons_days')) }}
),

person_days as (
    {{ days_after('snapshots') }}
),

labels as (
    {{ user_labels('snapshots', 'person_days') }}
)

select * from labels
