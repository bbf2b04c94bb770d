import json

import pytest

import steps
from training.recipes import BASELINES, MODELS, PREDICTORS, RECOMMENDERS, Recipe


@pytest.mark.parametrize("model", MODELS)
def test_a_recipe_survives_json(model):
    recipe = Recipe.default(model)
    again = Recipe.from_json(recipe.to_json())
    assert again == recipe
    assert again.model_params == recipe.model_params
    assert json.loads(recipe.to_json())["model"] == model


def test_every_kind_of_task_has_baselines_beside_its_own_models():
    assert set(RECOMMENDERS) - set(BASELINES) == {"ease", "spectral", "softmax_factorization"}
    assert {model for models in PREDICTORS.values() for model in models} - set(BASELINES) == {"tabular_network", "value_network"}


def test_an_unknown_model_is_named():
    with pytest.raises(steps.StepError, match="no model oracle; known are popularity"):
        Recipe.default("oracle")


def test_a_parameter_that_the_model_no_longer_has_is_named():
    with pytest.raises(steps.StepError, match="recipe of popularity names unknown parameters: warp"):
        _ = Recipe("popularity", {"warp": 9}).model_params
