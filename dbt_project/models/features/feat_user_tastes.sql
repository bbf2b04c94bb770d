with

interests as (
    select * from {{ ref('feat_user_interests') }}
),

bought as (
    select
        as_of_date,
        user_key,
        round(cast(sum(purchase_amount) as double) / nullif(sum(purchase_quantity), 0), 6) as mean_item_price,
    from interests
    where kind = 'category'
    group by as_of_date, user_key
),

{% for kind in ['category', 'brand'] %}
    {{ kind }}_tastes as (
        select
            as_of_date,
            user_key,
            cast(count(*) as integer) as {{ kind }}_count_90d,
            arg_min(name, (-weight, name)) as top_{{ kind }},
            round(max(weight) / nullif(sum(weight), 0), 6) as top_{{ kind }}_share,
            round(sum(weight * weight) / nullif(power(sum(weight), 2), 0), 6) as {{ kind }}_concentration,
        from interests
        where kind = '{{ kind }}' and name is not null
        group by as_of_date, user_key
    ),
{% endfor %}

tastes as (
    select
        bought.as_of_date,
        bought.user_key,
        bought.mean_item_price,
        category_tastes.top_category,
        category_tastes.top_category_share,
        category_tastes.category_concentration,
        brand_tastes.top_brand,
        brand_tastes.top_brand_share,
        brand_tastes.brand_concentration,
        coalesce(category_tastes.category_count_90d, 0) as category_count_90d,
        coalesce(brand_tastes.brand_count_90d, 0) as brand_count_90d,
    from bought
    left join category_tastes
        on bought.as_of_date = category_tastes.as_of_date and bought.user_key = category_tastes.user_key
    left join brand_tastes
        on bought.as_of_date = brand_tastes.as_of_date and bought.user_key = brand_tastes.user_key
)

select * from tastes
