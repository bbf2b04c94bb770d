-- Null is allowed: who never bought has no recency.
select user_key, rfm_recency, rfm_frequency, rfm_monetary from serving.user_segments
where
    rfm_recency not between 1 and 5
    or rfm_frequency not between 1 and 5
    or rfm_monetary not between 1 and 5
