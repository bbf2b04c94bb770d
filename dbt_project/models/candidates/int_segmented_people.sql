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

sizes as (
    select
        as_of_date,
        rule_name,
        rule_name = 'other' or count(*) < {{ var('min_people') }} as is_small,
        count(*) as people,
        case
            {% for name in var('segments') -%}
                when rule_name = '{{ name | replace("'", "''") }}' then {{ loop.index }}
            {% endfor -%}
        end as place,
    from ruled
    group by as_of_date, rule_name
),

-- those that are too small are other; where they are too few together, the last of the rules gives way to them
folded as (
    select
        as_of_date,
        rule_name,
        is_small or (
            sum(people) filter (where is_small) over (partition by as_of_date) < {{ var('min_people') }}
            and place = max(place) filter (where not is_small) over (partition by as_of_date)
        ) as is_folded,
    from sizes
),

segmented as (
    select
        ruled.as_of_date,
        ruled.person_key as user_key,
        case when folded.is_folded then 'other' else ruled.rule_name end as segment,
        ruled.rfm_recency,
        ruled.rfm_frequency,
        ruled.rfm_monetary,
        ruled.lifecycle,
    from ruled
    inner join folded on ruled.as_of_date = folded.as_of_date and ruled.rule_name = folded.rule_name
)

select * from segmented
