-- Who is not eligible, or has not agreed, has none.
select audience_id, user_key from serving.audience_members
where user_key not in (select user_key from serving.user_segments)
