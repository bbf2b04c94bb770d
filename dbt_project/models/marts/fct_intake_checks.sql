with

deliveries as (
    select * from {{ ref('fct_deliveries') }}
),

-- of the shop file, as JSON
sources as (
    select
        unnest(
            from_json(
                '{{ var("sources") }}',
                '[{"source": "VARCHAR", "kind": "VARCHAR", "warned_after": "BIGINT", "held_after": "BIGINT"}]'
            ),
            recursive := true
        ),
),

known_sources as (
    select
        sources.*,
        min(deliveries.landed_date) as first_date,
        max(deliveries.landed_date) as last_date,
    from sources
    inner join deliveries on sources.source = deliveries.source
    group by all
),

calendar as (
    select cast(unnest(generate_series(min(first_date), {{ run_date() }}, interval 1 day)) as date) as date
    from known_sources
),

open_days as (
    select * from calendar
    where not {{ is_closed('date') }}
),

-- tonight's day and its weekday in the eight weeks before; constants, so that DuckDB skips all other days of the events
counts as (
    select
        source,
        landed_date as date,
        'delivered' as check_name,
        cast(sum(event_line_count) as bigint) as event_count,
    from deliveries
    where kind = 'events'
    group by source, landed_date
    union all
    select
        source,
        event_date as date,
        'happened' as check_name,
        count(*) as event_count,
    from {{ ref('fct_events') }}
    where
        event_date in (
            {% for week in range(9) %}
                {{ run_date() }} - {{ 7 * week }}{{ "," if not loop.last }}
            {% endfor %}
        )
        -- what came later was not known on that night, and is not yet on this one
        and landed_date <= event_date
    group by source, event_date
),

check_names as (
    select unnest(['delivered', 'happened']) as check_name
),

volumes as (
    select
        known_sources.source,
        check_names.check_name,
        open_days.date = {{ run_date() }} as is_tonight,
        coalesce(counts.event_count, 0) as event_count,
    from known_sources
    cross join check_names
    inner join open_days
        on
            known_sources.first_date <= open_days.date
            and open_days.date >= {{ run_date() }} - 56
            and isodow(open_days.date) = isodow({{ run_date() }})
    left join counts
        on
            known_sources.source = counts.source
            and check_names.check_name = counts.check_name
            and open_days.date = counts.date
    where known_sources.kind = 'events'
),

compared as (
    select
        source,
        check_name,
        sum(event_count) filter (where is_tonight) as found,
        median(event_count) filter (where not is_tonight) as usual,
        count(*) filter (where not is_tonight) as week_count,
    from volumes
    group by source, check_name
    having bool_or(is_tonight)
),

waiting as (
    select
        known_sources.source,
        known_sources.last_date,
        known_sources.warned_after,
        known_sources.held_after,
        count(open_days.date) as day_count,
    from known_sources
    left join open_days on known_sources.last_date < open_days.date
    group by all
),

checks as (
    select
        source,
        check_name,
        cast(found as bigint) as found,
        cast(usual as bigint) as usual,
        case when week_count >= 3 and usual >= 20 and found <= 0.1 * usual then 'hold' else 'pass' end as verdict,
        format(
            '{}: {} events {} on {}, against {} on the same weekday (median of {} weeks)',
            source, cast(found as bigint), check_name, {{ run_date() }}, coalesce(cast(usual as bigint), 0), week_count
        ) as sentence,
    from compared
    union all
    select
        source,
        'fresh' as check_name,
        day_count as found,
        warned_after as usual,
        case
            when day_count > held_after then 'hold'
            when day_count > warned_after then 'warn'
            else 'pass'
        end as verdict,
        format('{}: nothing delivered since {}, on {} open days', source, last_date, day_count) as sentence,
    from waiting
)

select * from checks
