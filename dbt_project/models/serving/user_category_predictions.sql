with

people as (
    select * from {{ ref('int_user_eligibility') }}
),

predictions as (
    select * from {{ source('predictions', 'user_category_predictions') }}
),

models as (
    select * from {{ source('predictions', 'models') }}
),

targets as (
    {{ declared_targets('category') }}
),

categories as (
    select distinct category from {{ ref('feat_category_snapshots') }}
    where as_of_date = {{ run_date() }}
),

matched as (
    select
        people.user_key,
        targets.target,
        categories.category,
        targets.horizon_days,
        predictions.probability,
        predictions.expected_value,
        predictions.top_reasons,
        predictions.model_name,
        predictions.model_version,
        coalesce(
            people.ineligible_reason,
            case when predictions.user_key is null then {{ why_not_predicted() }} end
        ) as ineligible_reason,
    from people
    cross join targets
    cross join categories
    left join models on targets.target = models.task
    left join predictions
        on
            people.user_key = predictions.user_key
            and targets.target = predictions.target
            and categories.category = predictions.category
            and people.is_eligible
),

-- among the people who have a prediction for the category
percentiles as (
    select
        user_key,
        target,
        category,
        cast(ceil(100 * cume_dist() over (
            partition by target, category order by coalesce(probability, expected_value)
        )) as integer) as percentile,
    from matched
    where ineligible_reason is null
),

published as (
    select
        matched.user_key,
        matched.target,
        matched.category,
        matched.horizon_days,
        matched.probability,
        matched.expected_value,
        percentiles.percentile,
        matched.top_reasons,
        matched.ineligible_reason is null as is_eligible,
        matched.ineligible_reason,
        matched.model_name,
        matched.model_version,
        {{ run_date() }} as run_date,
    from matched
    left join percentiles
        on
            matched.user_key = percentiles.user_key
            and matched.target = percentiles.target
            and matched.category = percentiles.category
)

select * from published
