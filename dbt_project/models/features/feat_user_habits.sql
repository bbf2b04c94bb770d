{% set favourites = 3 %}

with

people as (
    select * from {{ ref('int_people_as_of') }}
    where purpose = 'predictions' and as_of_date = {{ run_date() }}
),

events as (
    select * from {{ ref('fct_events') }}
    where actor_key is not null and is_activity and event_date > {{ run_date() }} - 90
),

items as (
    select * from {{ ref('int_items_as_of') }}
    where as_of_date = {{ run_date() }}
),

own_events as (
    select
        people.user_key,
        items.category,
        items.brand,
        hour(events.event_local_at) as event_hour,
        dayname(events.event_local_at) as event_weekday,
        events.source,
        case events.event_type when 'order_completed' then 5 when 'product_added' then 3 else 1 end as weight,
    from events
    inner join people on events.actor_key = people.visitor_key
    left join items on events.item_id = items.item_id
),

-- in one pass by each of the things that it can be grouped by
grouped as (
    select
        user_key,
        category,
        brand,
        event_hour,
        event_weekday,
        source,
        sum(weight) as weight,
    from own_events
    group by
        grouping sets (
            (user_key, category),
            (user_key, brand),
            (user_key, event_hour),
            (user_key, event_weekday),
            (user_key, source)
        )
),

-- of each row, the one column that is not null
habits as (
    unpivot (
        select
            user_key,
            weight,
            category,
            brand,
            cast(event_hour as varchar) as hour,
            event_weekday as weekday,
            source,
        from grouped
    )
    on category, brand, hour, weekday, source
    into name habit value choice
),

ranked as (
    select
        user_key,
        habit,
        choice,
        row_number() over (partition by user_key, habit order by weight desc, choice) as rank,
    from habits
),

wide as (
    select
        {{ run_date() }} as as_of_date,
        user_key,
        list(choice order by rank) filter (where habit = 'category' and rank <= {{ favourites }})
            as favourite_categories,
        list(choice order by rank) filter (where habit = 'brand' and rank <= {{ favourites }}) as favourite_brands,
        cast(max(choice) filter (where habit = 'hour' and rank = 1) as integer) as usual_hour,
        max(choice) filter (where habit = 'weekday' and rank = 1) as usual_weekday,
        max(choice) filter (where habit = 'source' and rank = 1) as usual_source,
    from ranked
    group by user_key
)

select * from wide
