-- NaN sorts above every number in DuckDB, so it is found here too.
select user_key, target, probability from serving.user_predictions
where probability < 0 or probability > 1
