with

persons as (
    select * from {{ ref('int_persons') }}
),

people as (
    select * from {{ ref('int_user_eligibility') }}
),

-- per target the newest night whose window is over
nights as (
    select
        target,
        max(run_date) as scored_date,
    from {{ source('earlier_predictions', 'scores') }}
    where run_date + horizon_days <= {{ run_date() }} and probability is not null
    group by target
),

-- a person scored under two keys that turned out to be one counts twice, as it was treated then; who has become
-- inactive since stays in, or only the faithful would be counted
scores as (
    select
        scores.run_date as scored_date,
        scores.user_key as scored_key,
        scores.target,
        scores.horizon_days,
        scores.probability,
        scores.model_name,
        scores.model_version,
        persons.user_key as person_key,
        ntile(10) over (
            partition by scores.target order by scores.probability, scores.user_key
        ) as decile,
    from {{ source('earlier_predictions', 'scores') }} as scores
    inner join nights on scores.target = nights.target and scores.run_date = nights.scored_date
    inner join persons on scores.user_key = persons.visitor_key
    inner join people on persons.user_key = people.user_key and people.ineligible_reason is distinct from 'bot'
),

purchase_days as (
    select distinct
        persons.user_key as person_key,
        user_days.event_date,
    from {{ ref('fct_user_days') }} as user_days
    inner join persons on user_days.visitor_key = persons.visitor_key
    where user_days.order_count > 0 and user_days.event_date > (select min(nights.scored_date) from nights)
),

buyers as (
    select distinct
        scores.target,
        scores.scored_key,
    from scores
    inner join purchase_days
        on
            scores.person_key = purchase_days.person_key
            and scores.scored_date < purchase_days.event_date
            and scores.scored_date + scores.horizon_days >= purchase_days.event_date
),

deciles as (
    select
        scores.target,
        scores.decile,
        scores.scored_date,
        scores.horizon_days,
        scores.model_name,
        scores.model_version,
        count(*) as people,
        count(buyers.scored_key) as realised_count,
        -- decimals add up alike in any order
        cast(sum(cast(scores.probability as decimal(18, 6))) as double) as expected_count,
        cast(sum(cast(scores.probability * (1 - scores.probability) as decimal(18, 6))) as double) as variance,
    from scores
    left join buyers on scores.target = buyers.target and scores.scored_key = buyers.scored_key
    group by
        scores.target,
        scores.decile,
        scores.scored_date,
        scores.horizon_days,
        scores.model_name,
        scores.model_version
),

published as (
    select
        target,
        cast(decile as integer) as decile,
        scored_date,
        horizon_days,
        cast(people as integer) as people,
        cast(realised_count as integer) as realised_count,
        round(expected_count / people, 6) as mean_probability,
        round(realised_count / people, 6) as realised_rate,
        round(greatest(0, expected_count - 1.96 * sqrt(variance)) / people, 6) as chance_low,
        round(least(people, expected_count + 1.96 * sqrt(variance)) / people, 6) as chance_high,
        model_name,
        model_version,
        {{ run_date() }} as run_date,
    from deciles
)

select * from published
