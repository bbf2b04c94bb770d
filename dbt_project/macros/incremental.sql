-- noqa: disable=LT02,LT05
{# `column in (the days that the query gives)`, as literals: by them alone DuckDB skips the row groups of all
   other days. #}
{% macro on_days(column, query) -%}
    {%- set days = run_query(query).columns[0].values() if execute else [] -%}
    {%- if days -%}
        {{ column }} in (
            {%- for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# A model as the last night left it, for those that it is itself computed from. #}
{% macro last_night(model_name) -%}
    {{ this.incorporate(path={'identifier': model_name}) }}
{%- endmacro %}

{# What is left of a table after tonight's deletions, and tonight's rows. `meta.replaces` names what goes: the rows whose
   columns `by` are in the table `touched` (where its condition holds), looked for on the days of that table only, if it
   names the columns that hold them, and with `own` those that have them in common with tonight's rows too; without
   `replaces`, all rows go. Tonight's are written in the order of their day, and of `within_day`: what is alike and lies
   together takes less room, and is grouped sooner. #}
{% macro get_incremental_replace_sql(arguments) %}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') -%}
    {%- set replaces = config.get('meta', {}).get('replaces') -%}
    delete from {{ arguments.target_relation }} as held
    {% if replaces %}
        {%- set touched = last_night(replaces.touched) ~ ' where ' ~ replaces.get('where', 'true') %}
        using (select distinct {{ replaces.by | join(', ') }} from {{ touched }}) as touched
        where
            {% for column in replaces.by -%}
            held.{{ column }} = touched.{{ column }} and
            {% endfor -%}
            {{ on_days('held.' ~ replaces.day, 'select distinct event_date from ' ~ touched) if replaces.day else 'true' }}
    {% endif %};
    {% if replaces and replaces.own %}
        delete from {{ arguments.target_relation }} as held
        using (select distinct {{ replaces.by | join(', ') }} from {{ arguments.temp_relation }}) as written
        where
            {% for column in replaces.by -%}
            held.{{ column }} = written.{{ column }} {{ 'and' if not loop.last }}
            {% endfor -%}
        ;
    {% endif %}
    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }} from {{ arguments.temp_relation }}
    {% if replaces and replaces.day %}order by {{ replaces.day }}{{ ', ' ~ replaces.within_day if replaces.within_day }}{% endif %};
{% endmacro %}

{# The paths that a query gives, as literals below a folder. #}
{% macro files_of(folder, query) -%}
    {%- for part in (run_query(query).columns[0].values() if execute else []) -%}
        , '{{ folder }}{{ part }}'
    {%- endfor -%}
{%- endmacro %}
