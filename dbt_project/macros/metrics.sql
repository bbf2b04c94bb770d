{# A KPI's SQL as models/metrics.yml defines it, handed over by metrics.py: unit tests see variables, but no metrics. #}
{% macro metric(name) -%}
    {{ var('metric_' ~ name) }}
{%- endmacro %}
