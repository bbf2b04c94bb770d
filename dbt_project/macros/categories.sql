-- noqa: disable=LT02
{# Without a target about categories, nothing is written about them. #}
{% macro has_category_targets() -%}
    (len(cast({{ var('category_horizons_days') }} as integer[])) > 0)
{%- endmacro %}

{# The first name of a category path, from the widest down; null where none is known. #}
{% macro top_category(path) -%}
    nullif(split_part({{ path }}, ' > ', 1), '')
{%- endmacro %}

{# Sums over rows of days with items, of which each says by in_7d, in_30d, in_90d and in_365d how often it counts in a
   window up to the as-of day: once, not at all, or -1 times where it leaves a window that it was counted in. #}
{% macro category_sums() -%}
    cast({{ sum_of_counts('in_365d') }} as bigint) as row_count_365d,
    {% for name in ['view', 'cart', 'purchase'] -%}
        {% for days in [7, 30, 90] -%}
            cast({{ sum_of_counts(name ~ '_count * in_' ~ days ~ 'd') }} as bigint) as {{ name }}_count_{{ days }}d,
        {% endfor -%}
    {% endfor -%}
    cast({{ sum_of_counts('purchase_count * in_365d') }} as bigint) as purchase_count_365d,
    cast(sum(purchase_amount * in_365d) as decimal(18, 2)) as purchase_amount_365d,
    max(event_date) as last_event_date,
    max(event_date) filter (where cart_count > 0) as last_cart_date,
    max(event_date) filter (where purchase_count > 0) as last_purchase_date,
{%- endmacro %}

{# Sums of those sums, of several visitors or of what was held and what moved. #}
{% macro category_totals() -%}
    cast({{ sum_of_counts('row_count_365d') }} as bigint) as row_count_365d,
    {% for name in ['view', 'cart', 'purchase'] -%}
        {% for days in [7, 30, 90] -%}
            cast({{ sum_of_counts(name ~ '_count_' ~ days ~ 'd') }} as bigint) as {{ name }}_count_{{ days }}d,
        {% endfor -%}
    {% endfor -%}
    cast({{ sum_of_counts('purchase_count_365d') }} as bigint) as purchase_count_365d,
    cast(sum(purchase_amount_365d) as decimal(18, 2)) as purchase_amount_365d,
    max(last_event_date) as last_event_date,
    max(last_cart_date) as last_cart_date,
    max(last_purchase_date) as last_purchase_date,
{%- endmacro %}
