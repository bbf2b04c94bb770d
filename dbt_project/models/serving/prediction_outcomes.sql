with

persons as (
    select * from {{ ref('int_persons') }}
),

people as (
    select * from {{ ref('int_user_eligibility') }}
),

earlier_scores as (
    select
        run_date as as_of_date,
        user_key,
        cast(null as varchar) as category,
        target,
        horizon_days,
        probability,
        expected_value,
        model_name,
        model_version,
    from {{ source('earlier_predictions', 'scores') }}
    union all
    select
        run_date as as_of_date,
        user_key,
        category,
        target,
        horizon_days,
        probability,
        expected_value,
        model_name,
        model_version,
    from {{ source('earlier_predictions', 'category_scores') }}
),

-- per target the newest night whose window is over
nights as (
    select
        target,
        max(as_of_date) as as_of_date,
    from earlier_scores
    where as_of_date + horizon_days <= {{ run_date() }}
    group by target
),

-- a person scored under two keys that turned out to be one counts twice, as it was treated then; who has become
-- inactive since stays in, or only the faithful would be counted
scores as (
    select
        scores.*,
        coalesce(scores.probability, scores.expected_value) as predicted,
        persons.user_key as person_key,
        ntile(10) over (
            partition by scores.target
            order by coalesce(scores.probability, scores.expected_value), scores.user_key, scores.category
        ) as decile,
    from earlier_scores as scores
    inner join nights on scores.target = nights.target and scores.as_of_date = nights.as_of_date
    inner join persons on scores.user_key = persons.visitor_key
    inner join people on persons.user_key = people.user_key and people.ineligible_reason is distinct from 'bot'
),

user_asked as (
    select distinct
        as_of_date,
        user_key,
        person_key,
        horizon_days,
    from scores
    where category is null
),

user_days as (
    {{ days_after('user_asked') }}
),

user_labels as (
    {{ user_labels('user_asked', 'user_days') }}
),

category_asked as (
    select distinct
        as_of_date,
        user_key,
        person_key,
        category,
        horizon_days,
    from scores
    where category is not null
),

category_purchases as (
    {{ category_purchases('category_asked') }}
),

category_labels as (
    {{ category_labels('category_asked', 'category_purchases') }}
),

answers as (
    {{ target_answers() }}
),

deciles as (
    select
        scores.target,
        scores.decile,
        scores.as_of_date as scored_date,
        scores.horizon_days,
        scores.model_name,
        scores.model_version,
        bool_or(scores.probability is not null) as is_chance,
        count(*) as people,
        count(*) filter (where answers.outcome > 0) as realised_count,
        -- decimals add up alike in any order
        cast(sum(cast(answers.outcome as decimal(18, 2))) as double) as realised_sum,
        cast(sum(cast(scores.predicted as decimal(18, 6))) as double) as predicted_sum,
        cast(sum(cast(scores.probability * (1 - scores.probability) as decimal(18, 6))) as double) as variance,
    from scores
    inner join answers
        on
            scores.target = answers.target
            and scores.user_key = answers.user_key
            and scores.as_of_date = answers.as_of_date
            and scores.category is not distinct from answers.category
    group by
        scores.target,
        scores.decile,
        scores.as_of_date,
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
        case when is_chance then round(predicted_sum / people, 6) end as mean_probability,
        round(realised_count / people, 6) as realised_rate,
        case when is_chance then round(greatest(0, predicted_sum - 1.96 * sqrt(variance)) / people, 6) end
            as chance_low,
        case when is_chance then round(least(people, predicted_sum + 1.96 * sqrt(variance)) / people, 6) end
            as chance_high,
        case when not is_chance then round(predicted_sum / people, 6) end as mean_expected_value,
        case when not is_chance then round(realised_sum / people, 6) end as mean_realised_value,
        model_name,
        model_version,
        {{ run_date() }} as run_date,
    from deciles
)

select * from published
