{# Sum of a daily count over the last `days` days, up to and with the as-of day. #}
{% macro sum_within(column, days) -%}
    cast(coalesce(sum({{ column }}) filter (where days_ago < {{ days }}), 0) as integer)
{%- endmacro %}

{# The same for money. #}
{% macro amount_within(column, days) -%}
    cast(coalesce(sum({{ column }}) filter (where days_ago < {{ days }}), 0) as decimal(18, 2))
{%- endmacro %}
