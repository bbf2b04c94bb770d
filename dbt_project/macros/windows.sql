{# How far back a person's days are added up. #}
{% macro history_days() -%}
    {{ [365, var('active_within_days') | int] | max }}
{%- endmacro %}

{# Sum of a daily count over the last `days` days, up to and with the as-of day; `days` must end a span of
   feat_user_windows. #}
{% macro sum_within(column, days) -%}
    cast(coalesce({{ sum_of_counts(column, 'window_days <= ' ~ days) }}, 0) as integer)
{%- endmacro %}

{# The same for money. #}
{% macro amount_within(column, days) -%}
    cast(coalesce(sum({{ column }}) filter (where window_days <= {{ days }}), 0) as decimal(18, 2))
{%- endmacro %}

{# The daily rate of a count in the last `days` against that of the longer window: 1 is steady, more is rising. #}
{% macro trend(name, days, of_days) -%}
    round({{ name }}_{{ days }}d * {{ of_days }}.0 / {{ days }} / nullif({{ name }}_{{ of_days }}d, 0), 6)
{%- endmacro %}

{# Whom each number of int_snapshot_people stands for: what was grouped by it gets its day and key back. #}
{% macro person_numbers(people) -%}
    select distinct
        as_of_date,
        user_key,
        person_number,
    from {{ people }}
{%- endmacro %}
