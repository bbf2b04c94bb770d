-- A consumer who joins the tables must not lose people on the way. Where nothing could be trained, the row in
-- user_predictions says so; it is there all the same.
with

eligible as (
    select user_key from warehouse.int_user_eligibility
    where is_eligible
),

missing as (
    select user_key, 'user_profiles' as missing_from from eligible
    where user_key not in (select user_key from serving.user_profiles)
    union all
    select user_key, 'user_segments' as missing_from from eligible
    where user_key not in (select user_key from serving.user_segments)
    union all
    select user_key, 'user_predictions' as missing_from from eligible
    where user_key not in (select user_key from serving.user_predictions)
)

select * from missing
