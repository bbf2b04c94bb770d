{# The lengths of the windows after a snapshot that are labelled, as rows (horizon_days). #}
{% macro label_horizons() -%}
    (select cast(unnest({{ var('horizons_days') }}) as integer) as horizon_days)
{%- endmacro %}

{# Snapshots whose window is over by the run date, per horizon, with who the person turned out to be by then. #}
{% macro labelled_snapshots() -%}
    select
        snapshots.as_of_date,
        snapshots.user_key,
        horizons.horizon_days,
        persons.user_key as person_key,
    from {{ ref('feat_user_snapshots') }} as snapshots
    inner join {{ ref('int_persons') }} as persons on snapshots.user_key = persons.visitor_key
    cross join {{ label_horizons() }} as horizons
    where snapshots.as_of_date + horizons.horizon_days <= {{ run_date() }}
{%- endmacro %}
