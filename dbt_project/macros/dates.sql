{# The night's day: the one clock that every model reads. #}
{% macro run_date() -%}
    cast('{{ var("run_date") }}' as date)
{%- endmacro %}

{# Whether the shop file calls a day closed: nothing is delivered on it. #}
{% macro is_closed(day) -%}
    (
        list_contains(cast({{ var('closed_weekdays') }} as integer[]), isodow({{ day }}))
        or list_contains(cast({{ var('closed_dates') }} as date[]), {{ day }})
    )
{%- endmacro %}
