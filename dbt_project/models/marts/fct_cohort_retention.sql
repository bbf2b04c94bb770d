with

persons as (
    select * from {{ ref('int_persons') }}
),

-- a person's orders of a month are one row in all that follows
person_months as (
    select
        persons.user_key,
        cast(date_trunc('month', orders.order_date) as date) as order_month,
        count(*) as order_count,
        sum(orders.order_amount) as order_amount,
    from {{ ref('fct_orders') }} as orders
    inner join persons on orders.visitor_key = persons.visitor_key
    group by persons.user_key, date_trunc('month', orders.order_date)
),

buyers as (
    select
        user_key,
        min(order_month) as cohort_month,
    from person_months
    group by user_key
),

cohorts as (
    select
        cohort_month,
        count(*) as person_count,
    from buyers
    group by cohort_month
),

-- every month since, also one in which nobody of the cohort bought
months as (
    select
        cohort_month,
        person_count,
        cast(unnest(generate_series(cohort_month, {{ run_date() }}, interval 1 month)) as date) as order_month,
    from cohorts
),

bought as (
    select
        buyers.cohort_month,
        person_months.order_month,
        count(*) as buyer_count,
        cast(sum(person_months.order_count) as bigint) as order_count,
        sum(person_months.order_amount) as order_amount,
    from person_months
    inner join buyers on person_months.user_key = buyers.user_key
    group by buyers.cohort_month, person_months.order_month
),

retention as (
    select
        months.cohort_month,
        cast(date_diff('month', months.cohort_month, months.order_month) as integer) as months_since,
        months.order_month,
        months.person_count,
        coalesce(bought.buyer_count, 0) as buyer_count,
        coalesce(bought.order_count, 0) as order_count,
        cast(coalesce(bought.order_amount, 0) as decimal(18, 2)) as order_amount,
        round(coalesce(bought.buyer_count, 0) / months.person_count, 6) as retention_rate,
        last_day(months.order_month) <= {{ run_date() }} as is_complete,
    from months
    left join bought on months.cohort_month = bought.cohort_month and months.order_month = bought.order_month
)

select * from retention
