-- The key is (user_key, rank), so the key alone does not forbid it.
select user_key, item_id from serving.user_recommendations
group by user_key, item_id
having count(*) > 1
