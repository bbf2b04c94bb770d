{# How many items of a basket are paired with each other: of 500 lines there would be 125,000 pairs that say little. #}
{% macro basket_size() -%} 100 {%- endmacro %}

{# How far back a visitor's looks make a basket. #}
{% macro basket_days() -%} 180 {%- endmacro %}
