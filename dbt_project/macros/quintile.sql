{# 1 (lowest fifth) to 5 (highest) within a partition. Equal values share the fifth that their middle lies in: a value
   that everybody has is a 3, and so is the only buyer. #}
{% macro quintile(partition, value) -%}
    cast(1 + (
        5 * (
            2 * (rank() over (partition by {{ partition }} order by {{ value }}) - 1)
            + count(*) over (partition by {{ partition }}, {{ value }})
        )
    ) // (2 * count(*) over (partition by {{ partition }})) as integer)
{%- endmacro %}
