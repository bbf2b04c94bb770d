select item_id, relation from serving.item_recommendations
where item_id = similar_item_id
