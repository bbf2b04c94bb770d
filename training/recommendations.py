"""The task `recommendations`: what people will buy next, judged by the rules of the published table.

Three cut-offs, `holdout_days` apart: at the validation one parameters and the challenger are chosen, at the test one
champion, challenger and baselines are compared, at the run date the champion is fitted that scores.
"""

from datetime import date, timedelta

import duckdb
import numpy as np

from shop import Shop
from training import fingerprint, history
from training.evaluation import judge, ndcg
from training.history import History
from training.judgement import Judgement
from training.models.recommender import Recommender
from training.recipes import RECOMMENDERS, Recipe
from training.shortfall import Shortfall

FEWEST_BUYERS = 20  # users that bought in a window; with fewer a comparison says nothing


class RecommendationTask:
    """Histories of three days and what fits on them are worth.

    Args:
        histories: by cut-off name, ascending in time: validation, test, score.
        k: length of the published list; NDCG at k decides.

    `models` are the candidates; `skipped` says why others are none with this catalogue.
    """

    models = RECOMMENDERS
    higher_is_better = True

    def __init__(self, histories: dict[str, History], k: int) -> None:
        self.histories, self.k = histories, k
        self.metric = f"ndcg_at_{k}"
        reasons = {model: Recipe.default(model).model_class.shortfall(histories["test"]) for model in self.models}
        self.skipped = {model: reason for model, reason in reasons.items() if reason}
        self.models = tuple(model for model in self.models if model not in self.skipped)

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection, shop: Shop, run_date: date) -> "RecommendationTask":
        days = timedelta(days=shop.recommendations.holdout_days)
        items = history.item_ids(connection)
        as_of = {"validation": run_date - 2 * days, "test": run_date - days, "score": run_date}
        return cls({name: history.load(connection, items, day) for name, day in as_of.items()}, shop.recommendations.k)

    def can_fit(self, model: str) -> bool:
        """Whether a model fits this catalogue."""
        return model not in self.skipped

    @property
    def cutoffs(self) -> dict[str, date]:
        return {name: each.as_of for name, each in self.histories.items()}

    def digest(self) -> str:
        """Hash of everything that was read."""
        return fingerprint.of_values(k=self.k, **{name: fingerprint.of_arrays(_arrays(each)) for name, each in self.histories.items()})

    def shortfall(self) -> Shortfall | None:
        """Why the models cannot be compared tonight; None where they can."""
        for name in ("validation", "test"):
            window = self.histories[name]
            if len(window.buyers) < FEWEST_BUYERS:
                return Shortfall(
                    "too_few_people",
                    f"only {len(window.buyers)} users with a history bought something after {window.as_of} "
                    f"that could have been recommended; {FEWEST_BUYERS} are needed",
                )
        return None

    def shortfall_of_score(self) -> Shortfall | None:
        """Why no list can be made tonight; None where it can."""
        return None if len(self.histories["score"].item) else Shortfall("too_few_people", "nobody has touched any item yet")

    def tuned(self, recipe: Recipe) -> tuple[Recipe, Recommender]:
        """The recipe with the parameters that do best on the validation window, and its fit there."""
        window = self.histories["validation"]
        model = recipe.model_class.tuned(recipe.model_params, window, lambda each: ndcg(each, window, self.k))
        return Recipe.of(recipe.model, model.params), model

    def fitted(self, recipe: Recipe, cutoff: str) -> Recommender:
        return recipe.build().fit(self.histories[cutoff])

    def judged(self, model: Recommender, cutoff: str) -> Judgement:
        return judge(model, self.histories[cutoff], self.k)


def _arrays(window: History) -> dict[str, np.ndarray]:
    named = {name: value for name, value in vars(window).items() if isinstance(value, np.ndarray)}
    pairs = {name: getattr(window, name) for name in ("excluded", "bought", "bought_by_newcomers")}
    named |= {f"{name}_{part}": getattr(value, part) for name, value in pairs.items() for part in ("indptr", "indices")}
    named |= {f"catalogue_{name}": value for name, value in vars(window.catalogue).items()}
    return named | {"as_of": np.array([window.as_of], dtype="datetime64[D]")}
