{# The first landing days of periods of some millions of landed events each, for a full build to go through one after
   another: joined all at once, a hundred million would be written to disk and come back in no order of their days, so
   that each later night had to look at all of them. #}
{% macro landing_periods(most_events=10000000) -%}
    {%- set query -%}
        select min(landed_date) as first_day
        from (
            select
                landed_date,
                sum(sum(landed_count)) over (order by landed_date) // {{ most_events }} as period
            from {{ source('lake', 'deliveries') }}
            where kind = 'events' and {{ stands() }}
            group by landed_date
        ) as landed
        group by period
        order by first_day
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list if execute else []) }}
{%- endmacro %}

{# Whether a day lies in the period of that number; the first and the last are open, so that none is left out. #}
{% macro in_period(column, periods, number) -%}
    {%- if number > 0 %} and {{ column }} >= date '{{ periods[number] }}'{% endif -%}
    {%- if number < periods | length - 1 %} and {{ column }} < date '{{ periods[number + 1] }}'{% endif -%}
{%- endmacro %}
