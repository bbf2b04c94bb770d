-- noqa: disable=LT02,LT05
{# Whether a row meets all conditions of a rule of the shop file. Columns were checked to be names, values to be numbers,
   when the file was read; texts are quoted here. An unknown value meets `is_missing: true` alone. #}
{% macro meets(conditions) -%}
    (
        true
        {%- for condition in conditions %}
            {%- set subject -%}
                {%- if condition.probability is defined -%} scores['{{ condition.probability | replace("'", "''") }}']
                {%- elif condition.percentile is defined -%} percentiles['{{ condition.percentile | replace("'", "''") }}']
                {%- else -%} {{ condition.column }}
                {%- endif -%}
            {%- endset %}
            and
            {% if condition.is_missing is defined -%}
                {{ subject }} is {{ 'null' if condition.is_missing else 'not null' }}
            {%- elif condition.one_of is defined -%}
                (
                    {%- for text in condition.one_of -%}
                        {{ subject }} = '{{ text | replace("'", "''") }}'
                        {%- if condition.column == 'top_category' %}
                            or starts_with({{ subject }}, '{{ text | replace("'", "''") }} > ')
                        {%- endif -%}
                        {{ ' or ' if not loop.last }}
                    {%- endfor -%}
                )
            {%- elif condition.at_least is defined -%}
                {{ subject }} >= {{ condition.at_least }}
            {%- else -%}
                {{ subject }} <= {{ condition.at_most }}
            {%- endif -%}
        {%- endfor %}
    )
{%- endmacro %}
