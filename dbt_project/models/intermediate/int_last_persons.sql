{{ config(materialized='incremental', incremental_strategy='replace') }}

{% if is_incremental() %}

    select
        visitor_key,
        user_key,
    from {{ last_night('int_persons') }}

{% else %}

    select
        cast(null as uuid) as visitor_key,
        cast(null as uuid) as user_key,
    where false

{% endif %}
