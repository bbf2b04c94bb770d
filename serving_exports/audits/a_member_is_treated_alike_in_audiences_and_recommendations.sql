-- Else what one of them changed could not be told from what the other did.
select members.user_key, members.treatment, recommendations.treatment as treatment_of_recommendations
from serving.audience_members as members
inner join (select distinct user_key, treatment from serving.user_recommendations) as recommendations
    on members.user_key = recommendations.user_key
where members.treatment <> recommendations.treatment
