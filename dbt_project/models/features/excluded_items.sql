-- what is asked for of past days is read once, from the view; tonight's is read by each list
with

excluded_items as (
    select distinct * from {{ ref('feat_exclusions') }}
    where as_of_date = {{ run_date() }}
)

select * from excluded_items
