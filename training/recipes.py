"""A recipe: the name of a model and its parameters. What the alias `champion` points at, and what a night refits."""

import importlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import steps

RECOMMENDERS = ("popularity", "item_knn", "ease", "spectral", "softmax_factorization")
PREDICTORS = {
    "probability": ("base_rate", "logistic_regression", "gradient_boosting", "tabular_network"),
    "value": ("mean_value", "value_boosting", "value_network"),
}
STEP_READERS = ("sequence_network",)  # what a target lists by name: it is beaten or level where it was tried, and reads more
MODELS = (*RECOMMENDERS, *PREDICTORS["probability"], *PREDICTORS["value"], *STEP_READERS)
KNOW_NOBODY = ("popularity", "base_rate", "mean_value")  # these say the same to all, and mean it
BASELINES = ("popularity", "item_knn", "base_rate", "logistic_regression", "gradient_boosting", "mean_value", "value_boosting")


@dataclass(frozen=True)
class Recipe:
    """Everything that a fit needs beside the data.

    Args:
        model: name of the file in training/models/.
        params: the fields of its `Params`, as JSON holds them.

    Example:
        >>> recipe = Recipe.default("item_knn")
        >>> Recipe.from_json(recipe.to_json()) == recipe
    """

    model: str
    params: dict[str, Any]

    @classmethod
    def default(cls, model: str) -> "Recipe":
        return cls.of(model, _module(model).Params())

    @classmethod
    def of(cls, model: str, params: Any) -> "Recipe":
        return cls(model, json.loads(json.dumps(asdict(params))))

    def with_params(self, params: dict[str, Any]) -> "Recipe":
        """The same with some other parameters."""
        return Recipe(self.model, {**self.params, **params})

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        content = json.loads(text)
        return cls(content["model"], content["params"])

    def to_json(self) -> str:
        return json.dumps({"model": self.model, "params": self.params}, sort_keys=True)

    @cached_property
    def model_class(self) -> Any:
        return _module(self.model).Model

    @cached_property
    def model_params(self) -> Any:
        """The model's own frozen dataclass.

        Raises:
            StepError: the recipe names parameters that the model does not have (any more).
        """
        kind = _module(self.model).Params
        known = {field.name for field in fields(kind)}
        if unknown := sorted(self.params.keys() - known):
            raise steps.StepError(f"recipe of {self.model} names unknown parameters: {', '.join(unknown)}")
        return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in self.params.items()})

    def build(self) -> Any:
        """A model that is not fitted yet."""
        return self.model_class(self.model_params)


def _module(model: str) -> Any:
    if model not in MODELS:
        raise steps.StepError(f"there is no model {model}; known are {', '.join(MODELS)}")
    return importlib.import_module(f"training.models.{model}")
