{# The night's day: the one clock that every model reads. #}
{% macro run_date() -%}
    cast('{{ var("run_date") }}' as date)
{%- endmacro %}
