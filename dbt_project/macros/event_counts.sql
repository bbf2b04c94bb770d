{# How many events of one type a group holds. #}
{% macro count_events(event_type) -%}
    count(*) filter (where event_type = '{{ event_type }}')
{%- endmacro %}

{# The sum of counts. As a double it is exact below 2^53, and half as wide as the sum of whole numbers, of 128 bits:
   where a group has dozens of sums, memory is what takes the time. #}
{% macro sum_of_counts(column, where='') -%}
    sum(cast({{ column }} as double)){% if where %} filter (where {{ where }}){% endif %}
{%- endmacro %}
