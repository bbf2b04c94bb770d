{# The shop's targets whose rows are of one kind, as rows (target, horizon_days, outside). #}
{% macro declared_targets(per) -%}
    {%- set targets = var('targets') | selectattr('per', 'equalto', per) | list -%}
    {%- for target in targets %}
        select
            '{{ target.name }}' as target,
            {{ target.horizon_days }} as horizon_days,
            '{{ target.outside }}' as outside,
        {{ 'union all' if not loop.last }}
    {% else %}
        select
            cast(null as varchar) as target,
            cast(null as integer) as horizon_days,
            cast(null as varchar) as outside,
        where false
    {% endfor -%}
{%- endmacro %}

{# Why a person who may be predicted is not, from the columns of `models` and `targets`. #}
{% macro why_not_predicted() -%}
    coalesce(
        models.ineligible_reason,
        case when models.model_name is null then 'not_trained' else targets.outside end
    )
{%- endmacro %}

{# What came of each row of user_labels and category_labels, by the declaration of each target. #}
{% macro target_answers() -%}
    {%- for target in var('targets') | selectattr('label', 'defined') %}
        select
            '{{ target.name }}' as target,
            as_of_date,
            user_key,
            {{ 'category' if target.per == 'category' else 'cast(null as varchar)' }} as category,
            cast(({{ target.label }}) as double) as outcome,
        from {{ target.per }}_labels
        where horizon_days = {{ target.horizon_days }}
        {{ 'union all' if not loop.last }}
    {% else %}
        {% for per in ['user', 'category'] -%}
            select
                cast(null as varchar) as target,
                as_of_date,
                user_key,
                cast(null as varchar) as category,
                cast(null as double) as outcome,
            from {{ per }}_labels
            where false
            {{ 'union all' if not loop.last }}
        {% endfor -%}
    {% endfor -%}
{%- endmacro %}

{# What is predicted of people, and of people in each top category, by the name that the shop file calls it. #}
{% macro named_predictions() -%}
    select
        user_key,
        target,
        target as prediction,
        probability,
        expected_value,
        percentile,
        model_name,
        model_version,
    from {{ ref('user_predictions') }}
    where is_eligible
    union all
    select
        user_key,
        target,
        concat(target, ' in ', category) as prediction,
        probability,
        expected_value,
        percentile,
        model_name,
        model_version,
    from {{ ref('user_category_predictions') }}
    where is_eligible
{%- endmacro %}
