{# What a day's events with an item say of the wish for it: a view 1, a cart 3, a purchase 5. #}
{% macro interaction_weight(alias) -%}
    ({{ alias }}.view_count + 3 * {{ alias }}.cart_count + 5 * {{ alias }}.purchase_count)
{%- endmacro %}
