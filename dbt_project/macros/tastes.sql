{# The last quarter: tastes move, and older days would only be carried along. #}
{% macro taste_days() -%} 90 {%- endmacro %}

{# A category path or a brand as a number that each night makes alike. #}
{% macro taste_key(kind, name) -%}
    case when {{ name }} is not null then hash('{{ kind }}: ' || {{ name }}) end
{%- endmacro %}
