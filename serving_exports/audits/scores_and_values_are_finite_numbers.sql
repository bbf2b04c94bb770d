-- A diverged model gives NaN or infinity; no consumer should meet either.
with

numbers as (
    select 'user_recommendations' as table_name, cast(score as double) as number from serving.user_recommendations
    union all
    select 'newcomer_recommendations' as table_name, cast(score as double) as number from serving.newcomer_recommendations
    union all
    select 'item_recommendations' as table_name, cast(score as double) as number from serving.item_recommendations
    union all
    select 'user_predictions' as table_name, cast(expected_value as double) as number from serving.user_predictions
)

select * from numbers
where not isfinite(number)
