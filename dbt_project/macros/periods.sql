{# The first days of periods of some millions of events each, for a full build to go through one after another: what it
   joins or groups all at once is written to disk, and comes back in no order of its days, so that each later night has
   to look at all of them. A day is never split. #}
{% macro event_periods(about_events=10000000) -%}
    {%- set query -%}
        select min(event_date) as first_date
        from (
            select
                event_date,
                sum(sum(event_count)) over (order by event_date) // {{ about_events }} as period
            from {{ ref('int_part_days') }}
            where not is_waiting
            group by event_date
        ) as days
        group by period
        order by first_date
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list if execute else []) }}
{%- endmacro %}

{# A condition between the bounds of the period of that number. The first and the last period are open, so that nothing
   is left out; without a number, all are meant. #}
{% macro between_bounds(above, from_bound, below, until_bound, periods, number) -%}
    {%- set conditions = [] -%}
    {%- if number is not none and number > 0 -%}
        {%- do conditions.append(above ~ from_bound | replace('DAY', periods[number] | string)) -%}
    {%- endif -%}
    {%- if number is not none and number < periods | length - 1 -%}
        {%- do conditions.append(below ~ until_bound | replace('DAY', periods[number + 1] | string)) -%}
    {%- endif -%}
    {{ conditions | join(' and ') or 'true' }}
{%- endmacro %}

{# Whether a day lies in the period. #}
{% macro in_period(column, periods, number) -%}
    {{ between_bounds(column, " >= date 'DAY'", column, " < date 'DAY'", periods, number) }}
{%- endmacro %}

{# The same of a time in any zone, give or take: of times Parquet knows the least and greatest of many rows, and a day
   is looked up in a calendar. #}
{% macro around_period(column, periods, number) -%}
    {{ between_bounds(
        column, " >= timestamptz 'DAY 00:00:00+14:00'", column, " < timestamptz 'DAY 00:00:00-14:00'", periods, number
    ) }}
{%- endmacro %}

{# Whether something that holds from one day until before another meets the period. A join on its days says so already;
   said once more, DuckDB expects few rows of it, and keeps them in memory instead of the period's events. #}
{% macro meets_period(from_column, until_column, periods, number) -%}
    {{ between_bounds(until_column, " > date 'DAY'", from_column, " < date 'DAY'", periods, number) }}
{%- endmacro %}
