-- noqa: disable=LT02
{# Place in a line in which no category and no brand comes more often than its cap before all have had their turn:
   the items of turn 1 keep all caps together. What has no category or brand is not capped. #}
{% macro turn(order, list='') -%}
    greatest(
        1
        {%- for column, cap in [('category', var('max_per_category')), ('brand', var('max_per_brand'))] if cap %},
        case
            when {{ column }} is null then 1
            else ceil(row_number() over (partition by {{ list ~ ', ' if list }}{{ column }} order by {{ order }}) / {{ cap }})
        end
        {%- endfor %}
    )
{%- endmacro %}

{# The first k rows of each list, less those that would be one too many of their category or brand; a list names an item
   once. One cap is a count; of two, each row is looked at in turn, since what one of them passes over leaves room under
   the other. #}
{% macro first_within_caps(relation, list, order) -%}
    {%- set caps = [('category', var('max_per_category')), ('brand', var('max_per_brand'))] -%}
    {%- if not (var('max_per_category') and var('max_per_brand')) -%}
        select ranked.* exclude (fits)
        from (
            select
                *,
                {% for column, cap in caps if cap -%}
                    {{ column }} is null
                    or row_number() over (partition by {{ list }}, {{ column }} order by {{ order }}) <= {{ cap }}
                {%- else -%}
                    true
                {%- endfor %} as fits,
            from {{ relation }}
        ) as ranked
        where fits
        qualify row_number() over (partition by {{ list }} order by {{ order }}) <= {{ var('k') }}
    {%- else -%}
        select listed.*
        from {{ relation }} as listed
        semi join (
            select
                {{ list }},
                unnest(list_transform(chosen, each -> each.item_id)) as item_id,
            from (
                select
                    {{ list }},
                    list_reduce(
                        list([{'item_id': item_id, 'category': category, 'brand': brand}] order by {{ order }}),
                        (chosen, following) -> case
                            when
                                len(chosen) < {{ var('k') }}
                                {%- for column, cap in caps %}
                                and len(list_filter(
                                    chosen, each -> each.{{ column }} = following[1].{{ column }}
                                )) < {{ cap }}
                                {%- endfor %}
                                then chosen || following
                            else chosen
                        end
                    ) as chosen,
                from {{ relation }}
                group by {{ list }}
            ) as reduced
        ) as fitting
            on listed.{{ list }} = fitting.{{ list }} and listed.item_id = fitting.item_id
    {%- endif -%}
{%- endmacro %}
