-- Referential integrity: user_profiles is the list of people that the other tables speak of.
with

mentioned as (
    select user_key, 'user_recommendations' as mentioned_in from serving.user_recommendations
    union all
    select user_key, 'user_segments' as mentioned_in from serving.user_segments
)

select distinct * from mentioned
where user_key not in (select user_key from serving.user_profiles)
