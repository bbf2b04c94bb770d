{# 1 (lowest fifth) to 5 (highest); ties share the score of their lowest rank. #}
{% macro quintile(group_column, value) -%}
    cast(1 + least(4, floor(5 * percent_rank() over (partition by {{ group_column }} order by {{ value }}))) as integer)
{%- endmacro %}
