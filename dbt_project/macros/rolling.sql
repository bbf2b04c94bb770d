-- noqa: disable=LT02
{# The night that a table added up night by night is of, before tonight's build. #}
{% macro last_night_date() -%}
    date '{{ var("added_to") }}'
{%- endmacro %}

{# The days since the last night, and those that leave a window of any of these lengths since: all that has to be read
   to move such windows on. #}
{% macro moved_days(windows) -%}
    select distinct cast(days.day as date) - cast(windows.days as integer)
    from generate_series({{ last_night_date() }} + interval 1 day, {{ run_date() }}, interval 1 day) as days (day)
    cross join (select unnest({{ [0] + windows }}) as days) as windows
{%- endmacro %}

{# Whether a day lies in the window up to the run date: 1 or 0. #}
{% macro in_window(column, days) -%}
    cast({{ column }} > {{ run_date() }} - {{ days }} as integer)
{%- endmacro %}

{# Whether it lay in the window up to the last night: 1 or 0. #}
{% macro in_last_window(column, days) -%}
    cast({{ column }} between {{ last_night_date() }} - {{ days - 1 }} and {{ last_night_date() }} as integer)
{%- endmacro %}

{# What a day that did not change adds to the window: -1 where it leaves, 1 where it came. #}
{% macro moved_in_window(column, days) -%}
    {{ in_window(column, days) }} - {{ in_last_window(column, days) }}
{%- endmacro %}

{# How often a day counts in each window, by one of the above: the columns that category_sums asks for. #}
{% macro counts_in_windows(counted, column, windows, times='1') -%}
    {% for days in windows -%}
        {{ times }} * ({{ counted(column, days) }}) as in_{{ days }}d,
    {% endfor -%}
{%- endmacro %}
