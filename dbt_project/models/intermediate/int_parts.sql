{{ config(materialized='incremental', incremental_strategy='replace') }}

with

standing as (
    select
        unnest(parts) as part,
        cast(null as ubigint) as counted_hash,
    from {{ source('lake', 'deliveries') }}
    where kind = 'events' and {{ stands() }}
    union all
    select
        part,
        bit_xor(hash(event_id)) as counted_hash,
    from {{ ref('base_repeats') }}
    group by part
),

{% if is_incremental() %}

    held as (
        select
            part,
            counted_hash,
        from {{ this }}
        where is_standing
    ),

    -- of a file of repeats, other lines may count tonight
    kept as (
        select standing.part
        from standing
        inner join held on standing.part = held.part and standing.counted_hash is not distinct from held.counted_hash
    ),

    held_days as (
        select
            part,
            bool_or(is_waiting and event_date <= {{ run_date() }}) as has_waited,
            list(event_date) filter (where not is_waiting) as held_dates,
        from {{ last_night('int_part_days') }}
        group by part
    ),

    -- a bot whose busiest days are replaced may be one no more; all its events are brought back from the lake then
    bot_days as (
        select visitor_days.*
        from {{ last_night('int_visitor_days') }} as visitor_days
        semi join {{ last_night('int_bots') }} as bots on visitor_days.visitor_key = bots.visitor_key
    ),

    leaving_bots as (
        select distinct bot_days.visitor_key
        from bot_days
        anti join kept on bot_days.part = kept.part
    ),

    left_days as (
        select
            bot_days.visitor_key,
            bot_days.event_date,
            sum(bot_days.event_count) as event_count,
        from bot_days
        semi join leaving_bots on bot_days.visitor_key = leaving_bots.visitor_key
        semi join kept on bot_days.part = kept.part
        group by bot_days.visitor_key, bot_days.event_date
    ),

    returned_bots as (
        select visitor_key from left_days
        group by visitor_key
        having max(event_count) <= {{ var('max_events_per_day') }}
    ),

    returning_parts as (
        select distinct bot_days.part
        from bot_days
        semi join returned_bots on bot_days.visitor_key = returned_bots.visitor_key
    ),

{% else %}

    held as (
        select * from standing
        where false
    ),

    kept as (
        select part from held
    ),

    held_days as (
        select
            part,
            false as has_waited,
            cast([] as date[]) as held_dates,
        from held
    ),

    returning_parts as (
        select part from held
    ),

{% endif %}

parts as (
    select
        coalesce(standing.part, held.part) as part,
        standing.part is not null as is_standing,
        kept.part is null or coalesce(held_days.has_waited, false) or returning_parts.part is not null as is_changed,
        coalesce(held_days.held_dates, []) as held_dates,
        standing.counted_hash,
    from standing
    full join held on standing.part = held.part
    left join kept on coalesce(standing.part, held.part) = kept.part
    left join held_days on coalesce(standing.part, held.part) = held_days.part
    left join returning_parts on coalesce(standing.part, held.part) = returning_parts.part
)

select * from parts
