{# The key of a session that its events name themselves; null where silence cuts it, and for what belongs to none. #}
{% macro stated_session_key() -%}
    case
        when session_id is not null then md5(concat_ws('|', source, session_id))
        -- nobody is known: the order is all there is of the session
        when visitor_key is null and is_activity
            then md5(concat_ws('|', source, 'order', coalesce(order_id, event_id)))
    end
{%- endmacro %}

{# What has to be left of the silence for two events of a machine to be one visit. #}
{% macro longest_silence() -%}
    interval 30 minutes
{%- endmacro %}
