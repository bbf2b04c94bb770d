{# The night's day: the one clock that every model reads. #}
{% macro run_date() -%}
    cast('{{ var("run_date") }}' as date)
{%- endmacro %}

{# Past days that lie on a grid of their own, so that a night adds a day instead of moving all of them; further back,
   as far as the longest window of a target needs, every fourth of them, which such a window's overlap makes enough;
   and the run date. #}
{% macro snapshot_dates() -%}
    {%- set longest = "coalesce(list_max(cast(" ~ var('horizons_days') ~ " as integer[])), 0)" -%}
    select
        cast(date 'epoch' + cast(steps.step * {{ var('snapshot_every_days') }} as integer) as date) as as_of_date
    from (
        select
            (date_diff('day', date 'epoch', {{ run_date() }}) - 1) // {{ var('snapshot_every_days') }} - number as step,
            number,
        from range(greatest(
            {{ var('snapshot_count') }}, 3 * {{ longest }} // {{ var('snapshot_every_days') }}
        )) as numbers (number)
    ) as steps
    where steps.number < {{ var('snapshot_count') }} or steps.step % 4 = 0
    union all
    select {{ run_date() }} as as_of_date
{%- endmacro %}

{# A day before all of them, as a constant: how much of a table lies after it DuckDB then knows when it plans a join. #}
{% macro before_snapshot_dates() -%}
    {%- set every = var('snapshot_every_days') -%}
    {%- set longest = "coalesce(list_max(cast(" ~ var('horizons_days') ~ " as integer[])), 0)" -%}
    ({{ run_date() }} - cast(greatest({{ var('snapshot_count') }} * {{ every }}, 3 * {{ longest }}) + {{ every }} as integer))
{%- endmacro %}

{# Whether the shop file calls a day closed: nothing is delivered on it. #}
{% macro is_closed(day) -%}
    (
        list_contains(cast({{ var('closed_weekdays') }} as integer[]), isodow({{ day }}))
        or list_contains(cast({{ var('closed_dates') }} as date[]), {{ day }})
    )
{%- endmacro %}

{# The as-of days of the recommendations: 0 is the run date, 1 the test cut-off, 2 the validation cut-off. #}
{% macro recommendation_date(step) -%}
    ({{ run_date() }} - {{ step * var('holdout_days') | int }})
{%- endmacro %}

{# Whether a delivery counts on the run date: it had come by then, and no other had taken its place. #}
{% macro stands() -%}
    landed_date <= {{ run_date() }} and coalesce(replaced_date > {{ run_date() }}, true)
{%- endmacro %}
