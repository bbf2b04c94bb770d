{# The order that an event line belongs to. #}
{% macro order_key() -%}
    case
        when order_id is not null then order_id
        -- a source that numbers no orders: what one visitor bought at one time is one
        when event_type = 'order_completed' then md5(concat_ws(
            '|', source, coalesce(cast(visitor_key as varchar), event_id), cast(epoch_us(event_at) as varchar)
        ))
    end
{%- endmacro %}
