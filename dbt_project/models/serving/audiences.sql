with

declared as (
    {% for audience in var('audiences') %}
        select
            '{{ audience.id }}' as audience_id,
            '{{ audience.name | replace("'", "''") }}' as name,
            '{{ audience.rule | replace("'", "''") }}' as rule,
            '{{ audience.score }}' as score_target,
            cast({{ audience.cap or 'null' }} as integer) as max_people,
            cast({{ audience.targets or [] }} as varchar[]) as targets,
        {{ 'union all' if not loop.last }}
    {% else %}
        select
            '' as audience_id,
            '' as name,
            '' as rule,
            '' as score_target,
            cast(null as integer) as max_people,
            cast([] as varchar[]) as targets,
        where false
    {% endfor %}
),

predictions as (
    select * from {{ ref('user_predictions') }}
    where is_eligible
),

trained as (
    select
        target,
        any_value(model_name) as model_name,
        any_value(model_version) as model_version,
    from predictions
    group by target
),

known as (
    select coalesce(list(target), []) as targets from trained
),

members as (
    select * from {{ ref('audience_members') }}
),

counted as (
    select
        declared.audience_id,
        count(members.user_key) as size,
        count(*) filter (where members.treatment = 'treated') as treated_count,
        count(*) filter (where members.treatment = 'holdout') as holdout_count,
        -- decimals add up alike in any order
        cast(sum(cast(predictions.probability as decimal(18, 6))) as double) as expected_conversions,
    from declared
    left join members on declared.audience_id = members.audience_id
    left join predictions
        on members.user_key = predictions.user_key and declared.score_target = predictions.target
    group by declared.audience_id
),

published as (
    select
        declared.audience_id,
        declared.name,
        declared.rule,
        cast(counted.size as integer) as size,
        cast(counted.treated_count as integer) as treated_count,
        cast(counted.holdout_count as integer) as holdout_count,
        counted.expected_conversions,
        declared.score_target,
        declared.max_people,
        counted.size > 0 as is_eligible,
        case
            when counted.size > 0 then null
            when len(list_filter(declared.targets, target -> not list_contains(known.targets, target))) > 0
                then 'not_trained'
            else 'too_few_people'
        end as ineligible_reason,
        trained.model_name,
        trained.model_version,
        {{ run_date() }} as run_date,
    from declared
    inner join counted on declared.audience_id = counted.audience_id
    left join trained on declared.score_target = trained.target
    cross join known
)

select * from published
