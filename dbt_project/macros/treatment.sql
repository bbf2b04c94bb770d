{# Whether a person is held out: a hash of the key and the shop, so the answer is the same every night. #}
{% macro treatment(user_key) -%}
    case
        when
            cast('0x' || left(md5(concat_ws('|', '{{ var("shop") }}', cast({{ user_key }} as varchar))), 8) as bigint)
            < {{ var('holdout_share') }} * 4294967296
            then 'holdout'
        else 'treated'
    end
{%- endmacro %}
