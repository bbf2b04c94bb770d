{{ config(materialized='incremental', incremental_strategy='replace') }}

with

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

visitors as (
    select * from {{ ref('int_visitors') }}
),

identities as (
    select * from {{ ref('int_identities') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

consents as (
    select * from {{ ref('int_consents') }}
),

bots as (
    select persons.user_key
    from persons
    inner join visitors on persons.visitor_key = visitors.visitor_key
    where visitors.is_bot
),

allowed as (
    select persons.visitor_key
    from persons
    inner join consents on persons.user_key = consents.user_key
    anti join bots on persons.user_key = bots.user_key
    where consents.is_allowed
),

people as (
    select
        as_of_dates.purpose,
        as_of_dates.as_of_date,
        visitors.visitor_key,
        coalesce(identities.user_key, visitors.visitor_key) as user_key,
    from as_of_dates
    inner join visitors on as_of_dates.as_of_date >= visitors.first_event_date
    semi join allowed on visitors.visitor_key = allowed.visitor_key
    left join identities
        on
            visitors.visitor_key = identities.visitor_key
            and as_of_dates.as_of_date >= identities.linked_date
            and as_of_dates.as_of_date < coalesce(identities.until_date, date 'infinity')
),

-- a device that may be looked at was not always its own: who it was on the day has to allow it too
allowed_people as (
    select people.*
    from people
    semi join allowed on people.user_key = allowed.visitor_key
),

{% if is_incremental() %}

    held as (
        select * exclude (is_changed) from {{ this }}
    ),

    -- most past days are what they were, and need not be compared row by row; hashed twice: DuckDB joins hashes of
    -- columns by xor, and what two people have in common would cancel out
    same_days as (
        select
            purpose,
            as_of_date,
            bit_xor(hash(hash(visitor_key, user_key))) as digest,
        from allowed_people
        group by purpose, as_of_date
        intersect
        select
            purpose,
            as_of_date,
            bit_xor(hash(hash(visitor_key, user_key))) as digest,
        from held
        group by purpose, as_of_date
    ),

    people_now as (
        select allowed_people.*
        from allowed_people
        anti join same_days
            on allowed_people.purpose = same_days.purpose and allowed_people.as_of_date = same_days.as_of_date
    ),

    people_then as (
        select held.*
        from held
        anti join same_days on held.purpose = same_days.purpose and held.as_of_date = same_days.as_of_date
    ),

    came as (
        select * from people_now
        except
        select * from people_then
    ),

    went as (
        select * from people_then
        except
        select * from people_now
    ),

    -- by person, since a key that came or went changes all that is known of one
    changed as (
        select
            purpose,
            as_of_date,
            user_key,
        from came
        union
        select
            purpose,
            as_of_date,
            user_key,
        from went
    ),

{% endif %}

people_as_of as (
    select
        allowed_people.*,
        {% if is_incremental() %}
            (allowed_people.purpose, allowed_people.as_of_date, allowed_people.user_key) in (
                select (changed.purpose, changed.as_of_date, changed.user_key) from changed
            ) as is_changed,
        {% else %}
            true as is_changed,
        {% endif %}
    from allowed_people
)

select * from people_as_of
