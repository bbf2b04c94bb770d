-- Variants share the catalogue's item_group_id, or name the item that they are variants of.
with

variants as (
    select item_id, coalesce(item_group_id, item_id) as group_id from warehouse.dim_items
)

select recommended.item_id, recommended.similar_item_id, recommended.relation
from serving.item_recommendations as recommended
left join variants on recommended.item_id = variants.item_id
left join variants as similar_variants on recommended.similar_item_id = similar_variants.item_id
where recommended.item_id = recommended.similar_item_id or variants.group_id = similar_variants.group_id
