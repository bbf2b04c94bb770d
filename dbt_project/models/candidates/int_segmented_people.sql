with

eligible as (
    -- who is inactive by now was somebody once
    select user_key from {{ ref('int_user_eligibility') }}
    where ineligible_reason is null or ineligible_reason = 'inactive'
),

persons as (
    select * from {{ ref('int_persons') }}
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
),

-- a device that turned out to be somebody's was a person of its own until then: the person's own key stands for both
people as (
    select
        persons.user_key as person_key,
        snapshots.*,
        case when snapshots.order_count_365d > 0 then 'buyer' end as buyer,
    from snapshots
    inner join persons on snapshots.user_key = persons.visitor_key
    semi join eligible on persons.user_key = eligible.user_key
    qualify row_number() over (
        partition by snapshots.as_of_date, persons.user_key
        order by
            snapshots.user_key = persons.user_key desc, snapshots.order_count_365d desc, snapshots.tenure_days desc,
            snapshots.user_key
    ) = 1
),

{% set scores = [
    ('recency', '-days_since_last_order'), ('frequency', 'order_count_365d'), ('monetary', 'order_amount_365d')
] %}

described as (
    select
        *,
        {% for name, value in scores -%}
            case when buyer is not null then {{ quintile('as_of_date, buyer', value) }} end as rfm_{{ name }},
        {% endfor -%}
        case
            when tenure_days < 30 then 'new'
            when days_since_last_event < 30 then 'active'
            when days_since_last_event < 90 then 'cooling'
            else 'lapsed'
        end as lifecycle,
    from people
),

ruled as (
    select
        *,
        case
            {% for rule in var('segment_rules') -%}
                {%- set name = rule.name | replace("'", "''") -%}
                when {{ meets(rule.when) }} then '{{ name }}'
            {% endfor -%}
            else 'other'
        end as rule_name,
    from described
),

-- the smallest first, until those that are too few to show are enough together
sizes as (
    select
        as_of_date,
        rule_name,
        count(*) as people,
        coalesce(sum(count(*)) over (
            partition by as_of_date
            order by rule_name <> 'other', count(*), rule_name
            rows between unbounded preceding and 1 preceding
        ), {{ var('min_people') }}) as smaller_people,
    from ruled
    group by as_of_date, rule_name
),

segmented as (
    select
        ruled.as_of_date,
        ruled.person_key as user_key,
        case
            when sizes.people < {{ var('min_people') }} or sizes.smaller_people < {{ var('min_people') }} then 'other'
            else ruled.rule_name
        end as segment,
        ruled.rfm_recency,
        ruled.rfm_frequency,
        ruled.rfm_monetary,
        ruled.lifecycle,
    from ruled
    inner join sizes on ruled.as_of_date = sizes.as_of_date and ruled.rule_name = sizes.rule_name
)

select * from segmented
