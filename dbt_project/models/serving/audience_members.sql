with

segments as (
    select * from {{ ref('user_segments') }}
),

snapshots as (
    select * from {{ ref('feat_user_snapshots') }}
    where as_of_date = {{ run_date() }}
),

named as (
    {{ named_predictions() }}
),

predictions as (
    select
        user_key,
        map_from_entries(list((prediction, coalesce(probability, expected_value)))) as scores,
        map_from_entries(list((prediction, percentile))) as percentiles,
    from named
    group by user_key
),

people as (
    select
        snapshots.*,
        segments.* exclude (user_key, run_date), -- noqa: RF02
        predictions.scores,
        predictions.percentiles,
    from segments
    inner join snapshots on segments.user_key = snapshots.user_key
    left join predictions on segments.user_key = predictions.user_key
),

matched as (
    {% for audience in var('audiences') %}
        select
            '{{ audience.id }}' as audience_id,
            user_key,
            scores['{{ audience.score | replace("'", "''") }}'] as score,
            cast({{ audience.cap or 'null' }} as integer) as max_people,
        from people
        where {{ meets(audience.when) }}
        {{ 'union all' if not loop.last }}
    {% else %}
        select
            '' as audience_id,
            user_key,
            cast(null as double) as score,
            cast(null as integer) as max_people,
        from segments
        where false
    {% endfor %}
),

-- without scores nobody can say who the best are
capped as (
    select
        *,
        row_number() over (partition by audience_id order by score desc, user_key) as place,
    from matched
    where max_people is null or score is not null
    qualify max_people is null or place <= max_people
),

shown as (
    select
        audience_id,
        user_key,
        score,
        {{ treatment('user_key') }} as treatment,
        {{ run_date() }} as run_date,
    from capped
    qualify count(*) over (partition by audience_id) >= {{ var('min_people') }}
)

select * from shown
