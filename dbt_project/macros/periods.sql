{# The first days of periods of some millions of events each, for a full build to go through one after another: what it
   joins or groups all at once is written to disk, and comes back in no order of its days, so that each later night has
   to look at all of them. #}
{% macro event_periods(most_events=10000000) -%}
    {%- set query -%}
        select min(event_date) as first_date
        from (
            select
                event_date,
                sum(sum(event_count)) over (order by event_date) // {{ most_events }} as period
            from {{ ref('int_part_days') }}
            where not is_waiting
            group by event_date
        ) as days
        group by period
        order by first_date
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list if execute else []) }}
{%- endmacro %}

{# Whether a day lies in the period of that number; the first and the last are open, so that none is left out. #}
{% macro in_period(column, periods, number) -%}
    {%- if number > 0 %} and {{ column }} >= date '{{ periods[number] }}'{% endif -%}
    {%- if number < periods | length - 1 %} and {{ column }} < date '{{ periods[number + 1] }}'{% endif -%}
{%- endmacro %}

{# The same of a time in any zone, give or take: of times Parquet knows the least and greatest of many rows, and a day
   is looked up in a calendar. #}
{% macro around_period(column, periods, number) -%}
    {%- if number > 0 %} and {{ column }} >= timestamptz '{{ periods[number] }} 00:00:00+14:00'{% endif -%}
    {%- if number < periods | length - 1 %} and {{ column }} < timestamptz '{{ periods[number + 1] }} 00:00:00-14:00'{% endif -%}
{%- endmacro %}

{# Whether something that holds from one day until before another meets the period. Said beside the days themselves,
   since a join is then expected to be small, and whole events are not what it keeps in memory. #}
{% macro meets_period(from_column, until_column, periods, number) -%}
    {%- if number > 0 %} and {{ until_column }} > date '{{ periods[number] }}'{% endif -%}
    {%- if number < periods | length - 1 %} and {{ from_column }} < date '{{ periods[number + 1] }}'{% endif -%}
{%- endmacro %}
