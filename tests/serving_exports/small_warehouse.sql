-- A small shop's warehouse, as `warehouse build serving` leaves it. User 0 is a bot, the others are eligible; the rows lie
-- in no order, so that publishing has something to do.
create macro user_key_of(i) as cast(md5('user' || i) as uuid);
create macro item_of(i) as printf('%04d', i);
create macro draw(i, salt) as md5_number_lower(i || salt) % 1000 / 1000.0;

create table int_user_eligibility as
select user_key_of(i) as user_key, i != 0 as is_eligible, case when i = 0 then 'bot' end as ineligible_reason from range($users) as t(i);

create table recommendable_items as
select cast($run_date as date) as as_of_date, item_of(i) as item_id from range($items) as t(i)
union all select cast($run_date as date) - 14, item_of(i) from range($items + 5) as t(i);

create table int_popular_items as
select
    item_of(i) as item_id, 'category ' || i % 4 as category, 'brand ' || i % 5 as brand, 1 as turn, i + 1 as popularity_rank, i + 1 as place
from range($items) as t(i);

create table dim_items as
select item_of(i) as item_id, cast(null as varchar) as item_group_id from range($items) as t(i);

create table excluded_items as
select cast($run_date as date) as as_of_date, user_key_of(i) as user_key, item_of(i % $items) as item_id, 'bought' as reason
from range($users) as t(i);

create table user_recommendations (
    user_key uuid not null, rank integer not null, item_id varchar not null, score double, reason varchar not null,
    reason_item_id varchar, fallback_level integer not null, recommendation_id varchar, treatment varchar,
    model_name varchar, model_version varchar, run_date date not null
);
insert into user_recommendations
select
    user_key_of(i), place + 1, item_of((i + 1 + place) % $items), round(1.0 / (place + 1 + draw(i, 's')), 6),
    case when place < 6 then 'because_viewed' when place < 8 then 'because_bought' when place < 9 then 'popular_in_category' else 'popular' end,
    case when place < 8 then item_of(i % $items) end, greatest(0, place - 6), md5(i || 'r' || place),
    case when i % 10 = 0 then 'holdout' else 'treated' end, 'two_tower', '1', cast($run_date as date)
from range(1, $users) as t(i), range(least($k, $items - 1)) as p(place) order by random();

create table newcomer_recommendations as
select
    country, cast(place + 1 as integer) as rank, item_of(place) as item_id, round(1.0 / (place + 1), 6) as score,
    case when country = 'DE' and place < 2 then 'popular_in_country' else 'popular' end as reason,
    case when country = 'DE' and place < 2 then 2 else 3 end as fallback_level, md5(country || place) as recommendation_id,
    cast($run_date as date) as run_date
from (values ('all'), ('DE')) as c(country), range(least($k, $items)) as p(place) order by random();

create table item_recommendations as
select
    item_of(i) as item_id, relation, cast(place + 1 as integer) as rank, item_of((i + place + 1) % $items) as similar_item_id,
    round(1.0 / (place + 2), 6) as score, 20 - place as support, cast($run_date as date) as run_date
from range($items) as t(i), range(3) as p(place), (values ('similar'), ('bought_together')) as r(relation) order by random();

create table user_segments as
select
    user_key_of(i) as user_key, ['Champions', 'Loyal', 'Promising', 'Needs attention', 'At risk', 'Window shoppers'][1 + floor(6 * draw(i, 'g') ** 2)::int] as segment,
    1 + i % 5 as rfm_recency, 1 + i % 4 as rfm_frequency, 1 + i % 3 as rfm_monetary,
    ['new', 'active', 'cooling', 'lapsed'][1 + floor(4 * draw(i, 'l'))::int] as lifecycle, cast(i % 4 as integer) as cluster_id,
    'cluster ' || i % 4 as cluster_name, cast($run_date as date) as run_date
from range($users) as t(i) order by random();

create table user_predictions as
select
    user_key_of(i) as user_key, 'purchase_7d' as target, 7 as horizon_days, case when i != 0 then round(draw(i, 'p') ** 4, 6) end as probability,
    cast(null as double) as expected_value, round(draw(i, 'p'), 2) as percentile, ['visited yesterday', 'three carts'] as top_reasons,
    i != 0 as is_eligible, case when i = 0 then 'bot' end as ineligible_reason, 'keras_network' as model_name, '1' as model_version,
    cast($run_date as date) as run_date
from range($users) as t(i) order by random();

create table user_profiles as
select
    user_key_of(i) as user_key, i % 50 as view_count_30d, cast(i % 7 * 19.99 as decimal(18, 2)) as order_amount_365d,
    ['Garden', 'Kitchen'] as favourite_categories, 'Acme' as favourite_brand, 20 - i % 5 as usual_hour,
    timestamptz '2026-01-01 10:00:00+00' + to_days(cast(i % 100 as integer)) as first_seen_at, cast($run_date as date) as run_date
from range($users) as t(i) order by random();

create table user_segment_history as
select
    user_key, cast($run_date as date) - 7 as valid_from, segment, cast(null as date) as valid_until, cast($run_date as date) as run_date
from user_segments
union all
select user_key, cast($run_date as date) - 14, 'New', cast($run_date as date) - 7, cast($run_date as date) from user_segments;

create table segment_migrations as
select
    cast($run_date as date) - 7 as week, 'New' as from_segment, segment as to_segment, cast(count(*) as integer) as people,
    cast($run_date as date) - 14 as previous_week, cast($run_date as date) as run_date
from user_segments group by segment;

create table audience_members as
select
    'likely_buyers' as audience_id, user_key, probability as score, treatment, cast($run_date as date) as run_date
from user_predictions inner join (select distinct user_key, treatment from user_recommendations) as treatments using (user_key)
where probability > 0.2 order by random();

create table audiences as
select
    'likely_buyers' as audience_id, 'Likely buyers' as name, 'probability of purchase_7d at least 0.2' as rule, cast(count(*) as integer) as size,
    cast(count(*) filter (treatment = 'treated') as integer) as treated_count,
    cast(count(*) filter (treatment = 'holdout') as integer) as holdout_count, round(sum(score), 6) as expected_conversions,
    'purchase_7d' as score_target, cast(null as integer) as max_people, true as is_eligible, cast(null as varchar) as ineligible_reason,
    'keras_network' as model_name, '1' as model_version, cast($run_date as date) as run_date
from audience_members;

create table daily_kpis as
select
    cast(day as date) as date, cast(300 + 80 * sin(i / 30) + 60 * draw(i, 'u') - case when dayofweek(day) = 0 then 90 else 0 end as bigint) as users,
    cast(users * 1.3 as bigint) as sessions, cast(sessions * 6.1 as bigint) as views, cast(views * 0.11 as bigint) as carts,
    cast(carts * (0.3 + draw(i, 'o') / 5) as bigint) as orders, round(orders / sessions, 6) as conversion_rate,
    cast(orders * (40 + draw(i, 'v') * 9) as decimal(18, 2)) as revenue
from (select day, cast(row_number() over (order by day) as integer) as i from generate_series($run_date - interval 269 day, $run_date, interval 1 day) as s(day));

create table run_manifest as
select $build_id as build_id, $shop as shop, cast($run_date as date) as run_date, '[]' as tables, $models as models, $degraded as degraded, $intake as intake;

create table fct_intake_checks as
select 'web' as source, 'delivered' as check_name, 110 as found, 120 as usual, 'pass' as verdict, 'web: 110 events' as sentence;

comment on column user_recommendations.score is 'Higher is better; one list''s scores only';
comment on column daily_kpis.revenue is 'What was ordered that day, refunds not taken off.';
