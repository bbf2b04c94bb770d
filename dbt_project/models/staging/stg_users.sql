with

users as (
    select * from {{ source('lake', 'users') }}
),

known as (
    select
        visitor_key,
        traits,
        consent_personalization,
        landed_date,
    from users
    -- two sources may deliver a user on one day: the first by name wins
    qualify row_number() over (partition by visitor_key, landed_date order by source) = 1
)

select * from known
