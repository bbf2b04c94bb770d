with recursive

links as (
    select * from {{ ref('int_links') }}
    where not is_device
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

both_ways as (
    select
        user_key,
        linked_key,
        linked_at,
    from links
    union all
    select
        linked_key as user_key,
        user_key as linked_key,
        linked_at,
    from links
),

-- how long the shop has known each of the ids; no later link or event can change that
users as (
    select
        both_ways.user_key,
        least(min(both_ways.linked_at), min(visitors.first_event_at)) as seen_at,
    from both_ways
    left join visitors on both_ways.user_key = visitors.visitor_key
    group by both_ways.user_key
),

neighbours as (
    select
        both_ways.user_key,
        both_ways.linked_key,
        both_ways.linked_at,
        struct_pack(seen_at := users.seen_at, user_key := users.user_key) as seniority,
    from both_ways
    inner join users on both_ways.linked_key = users.user_key
),

-- every older id that can be reached over younger ones, and since when: all links of the way have to be known
reached as (
    select
        user_key as visitor_key,
        seniority,
        cast('-infinity' as timestamptz) as linked_at,
    from (
        select distinct
            linked_key as user_key,
            seniority,
        from neighbours
    ) as themselves
    union
    select
        neighbours.linked_key as visitor_key,
        reached.seniority,
        greatest(reached.linked_at, neighbours.linked_at) as linked_at,
    from reached
    inner join neighbours
        on reached.visitor_key = neighbours.user_key and reached.seniority < neighbours.seniority
),

named as (
    select
        visitor_key,
        linked_at,
        min(seniority) over (
            partition by visitor_key order by linked_at range between unbounded preceding and current row
        ) as senior,
    from reached
),

changes as (
    select
        visitor_key,
        senior,
        min(linked_at) as linked_at,
    from named
    group by visitor_key, senior
),

periods as (
    select
        visitor_key,
        senior.user_key,
        linked_at,
        lead(linked_at) over (partition by visitor_key order by linked_at) as until_at,
    from changes
)

select * from periods
