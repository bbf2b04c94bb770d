-- noqa: disable=LT02
{# The key of a session that its events name themselves; null where silence cuts it, and for what belongs to none. #}
{% macro stated_session_key(alias='') -%}
    {%- set of = alias ~ '.' if alias else '' -%}
    case
        when {{ of }}session_id is not null then md5(concat_ws('|', {{ of }}source, {{ of }}session_id))
        -- nobody is known: the order is all there is of the session
        when {{ of }}visitor_key is null and {{ of }}is_activity
            then md5(concat_ws('|', {{ of }}source, 'order', coalesce({{ of }}order_id, {{ of }}event_id)))
    end
{%- endmacro %}

{# Whether silence alone says where an event's session begins and ends. #}
{% macro is_cut_by_silence(alias='') -%}
    {%- set of = alias ~ '.' if alias else '' -%}
    {{ of }}session_id is null and {{ of }}visitor_key is not null and {{ of }}is_activity
{%- endmacro %}

{# What silence is listened for on. Logging in does not end a session: the device stays the same. #}
{% macro machine_key(alias='') -%}
    {%- set of = alias ~ '.' if alias else '' -%}
    coalesce({{ of }}device_key, {{ of }}visitor_key)
{%- endmacro %}

{# What has to be left of the silence for two events of a machine to be one visit. #}
{% macro longest_silence() -%}
    interval 30 minutes
{%- endmacro %}
