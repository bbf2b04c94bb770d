with

links as (
    select * from {{ ref('int_links') }}
    where is_device
),

user_periods as (
    select * from {{ ref('int_users_merge') }}
),

device_links as (
    select
        links.linked_key as device_key,
        links.user_key,
        links.linked_at,
        coalesce(user_periods.user_key, links.user_key) as last_user_key,
    from links
    left join user_periods on links.user_key = user_periods.visitor_key and user_periods.until_at is null
),

-- people are never parted again: once two have logged in on a device, it stays shared
first_people as (
    select
        device_key,
        arg_min(last_user_key, (linked_at, user_key)) as last_user_key,
    from device_links
    group by device_key
),

shared as (
    select
        device_links.device_key,
        min(device_links.linked_at) as shared_at,
    from device_links
    inner join first_people on device_links.device_key = first_people.device_key
    where device_links.last_user_key <> first_people.last_user_key
    group by device_links.device_key
),

-- until then it is used under ids that are one person's by now, and may not have been on the day
own_links as (
    select
        device_links.device_key,
        device_links.user_key,
        device_links.linked_at,
        shared.shared_at,
    from device_links
    left join shared on device_links.device_key = shared.device_key
    where device_links.linked_at < coalesce(shared.shared_at, timestamptz 'infinity')
),

moments as (
    select
        device_key,
        shared_at,
        linked_at as moment,
    from own_links
    union
    select
        own_links.device_key,
        own_links.shared_at,
        user_periods.linked_at as moment,
    from own_links
    inner join user_periods
        on
            own_links.user_key = user_periods.visitor_key
            and own_links.linked_at < user_periods.linked_at
            and coalesce(own_links.shared_at, timestamptz 'infinity') > user_periods.linked_at
),

owners as (
    select
        moments.device_key,
        moments.moment,
        moments.shared_at,
        min(coalesce(user_periods.user_key, own_links.user_key)) as user_key,
        max(coalesce(user_periods.user_key, own_links.user_key)) as other_user_key,
    from moments
    inner join own_links
        on moments.device_key = own_links.device_key and moments.moment >= own_links.linked_at
    left join user_periods
        on
            own_links.user_key = user_periods.visitor_key
            and moments.moment >= user_periods.linked_at
            and moments.moment < coalesce(user_periods.until_at, timestamptz 'infinity')
    group by moments.device_key, moments.moment, moments.shared_at
),

device_periods as (
    select
        device_key as visitor_key,
        user_key,
        other_user_key,
        moment as linked_at,
        coalesce(lead(moment) over (partition by device_key order by moment), shared_at) as until_at,
    from owners
),

periods as (
    select
        visitor_key,
        user_key,
        linked_at,
        until_at,
    from device_periods
    where user_key = other_user_key
    union all
    select
        visitor_key,
        user_key,
        linked_at,
        until_at,
    from user_periods
    where visitor_key <> user_key
),

dated as (
    select
        visitor_key,
        user_key,
        linked_at,
        cast(linked_at at time zone '{{ var("timezone") }}' as date) as linked_date,
        cast(until_at at time zone '{{ var("timezone") }}' as date) as until_date,
    from periods
),

-- a day is known as it ended
identities as (
    select * from dated
    where until_date is null or linked_date < until_date
)

select * from identities
