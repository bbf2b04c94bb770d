-- noqa: disable=LT02
{# The grain of a table whose key has several columns. Hashes are grouped first, in two thirds of the time; only rows
   that share one are compared. #}
{% test unique_combination(model, columns) %}
    {%- set key = columns | join(', ') %}
    select {{ key }}
    from {{ model }}
    where hash({{ key }}) in (
        select hash({{ key }})
        from {{ model }}
        group by hash({{ key }})
        having count(*) > 1
    )
    group by {{ key }}
    having count(*) > 1
{% endtest %}
