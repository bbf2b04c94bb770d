with

declared as (
    {% for audience in var('audiences') %}
        select
            '{{ audience.id }}' as audience_id,
            '{{ audience.name | replace("'", "''") }}' as name,
            '{{ audience.rule | replace("'", "''") }}' as rule,
            '{{ audience.score | replace("'", "''") }}' as score_target,
            cast({{ audience.cap or 'null' }} as integer) as max_people,
            cast([
                {%- for prediction in audience.predictions -%}
                    '{{ prediction | replace("'", "''") }}'{{ ', ' if not loop.last }}
                {%- endfor -%}
            ] as varchar[]) as predictions,
        {{ 'union all' if not loop.last }}
    {% else %}
        select
            '' as audience_id,
            '' as name,
            '' as rule,
            '' as score_target,
            cast(null as integer) as max_people,
            cast([] as varchar[]) as predictions,
        where false
    {% endfor %}
),

predictions as (
    {{ named_predictions() }}
),

trained as (
    select
        target,
        prediction,
        any_value(model_name) as model_name,
        any_value(model_version) as model_version,
    from predictions
    group by target, prediction
),

known as (
    select
        coalesce(list(prediction), []) as predictions,
        coalesce(list(distinct target), []) as targets,
    from trained
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
        on members.user_key = predictions.user_key and declared.score_target = predictions.prediction
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
            when len(list_filter(declared.predictions, name -> not list_contains(known.targets, split_part(name, ' in ', 1)))) > 0
                then 'not_trained'
            when len(list_filter(declared.predictions, name -> not list_contains(known.predictions, name))) > 0
                then 'not_a_top_category'
            else 'too_few_people'
        end as ineligible_reason,
        trained.model_name,
        trained.model_version,
        {{ run_date() }} as run_date,
    from declared
    inner join counted on declared.audience_id = counted.audience_id
    left join trained on declared.score_target = trained.prediction
    cross join known
)

select * from published
