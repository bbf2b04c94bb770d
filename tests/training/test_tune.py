"""The weekly search: what it records, and which nights start from what it found."""

from dataclasses import fields
from datetime import timedelta

import pytest

from tests.training.conftest import Place
from training import tracking, tune
from training.recipes import Recipe
from training.recommendations import RecommendationTask
from training.search_spaces import SPACES, Number
from training.train import train


@pytest.fixture
def searched(fresh_place: Place, monkeypatch: pytest.MonkeyPatch) -> tuple[Place, str]:
    """Three trials of item_knn, which is one of two models."""
    monkeypatch.setattr(RecommendationTask, "models", ("popularity", "item_knn"))
    monkeypatch.setitem(SPACES, "item_knn", {"neighbours": Number(2, 200)})
    return fresh_place, tune.tune(*fresh_place.night, "recommendations", trials=3, minutes=5)


@pytest.mark.parametrize("model", SPACES)
def test_a_space_holds_the_default_of_each_parameter_that_it_names(model):
    params = Recipe.default(model).params
    kinds = {field.name: field.type for field in fields(Recipe.default(model).model_params)}
    for name, numbers in SPACES[model].items():
        assert numbers.low <= params[name] <= numbers.high
        assert isinstance(numbers.low, int) == (kinds[name] is int), name


def test_each_trial_is_a_nested_run_and_the_best_is_kept(searched):
    from mlflow.tracking import MlflowClient

    place, summary = searched
    client = MlflowClient(place.settings.mlflow_tracking_uri)
    runs = client.search_runs([client.get_experiment_by_name("tiny.recommendations").experiment_id])
    (parent,) = [run for run in runs if run.data.tags["stage"] == "tuning"]
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    values = {int(run.data.params["neighbours"]): run.data.metrics["ndcg_at_5"] for run in trials}
    assert len(runs) == 4 and len(trials) == 3
    best = tracking.Store(place.settings, "tiny", "recommendations").read_json(parent.info.run_id, tune.BEST_FILE)
    assert set(best) == {"item_knn"}
    assert best["item_knn"]["value"] == max(values.values()) == values[best["item_knn"]["params"]["neighbours"]]
    assert summary.startswith("tune recommendations tiny 2026-03-31: ndcg_at_5 on labels after 2026-03-03, item_knn 0.")


def test_the_nights_from_then_on_start_from_what_was_found_and_earlier_ones_do_not(searched, monkeypatch):
    place, _ = searched
    store = tracking.Store(place.settings, "tiny", "recommendations")
    found = tune.best_before(store, place.run_date)["item_knn"]["neighbours"]
    assert tune.best_before(store, place.run_date + timedelta(days=5)) == {"item_knn": {"neighbours": found}}
    assert tune.best_before(store, place.run_date - timedelta(days=1)) == {}
    train(*place.night, "recommendations")
    night = store.read_json(store.finished(stage="night"), "night.json")
    params = {candidate["model"]: candidate["params"] for candidate in night["candidates"]}
    assert params["item_knn"]["neighbours"] == found
    monkeypatch.setattr(tune, "best_before", lambda *_: {})
    monkeypatch.setattr("training.train.best_before", lambda *_: {"item_knn": {"neighbours": found + 1}})
    assert "reused" not in train(*place.night, "recommendations"), "other parameters make another night"


def test_the_search_never_looks_at_the_test_window(fresh_place, monkeypatch):
    """With all labels after the validation window gone, it finds the same."""
    monkeypatch.setattr(RecommendationTask, "models", ("item_knn",))
    monkeypatch.setitem(SPACES, "item_knn", {"neighbours": Number(2, 200)})
    monkeypatch.setattr(RecommendationTask, "shortfall", lambda self: None)
    monkeypatch.setattr(tune, "best_before", lambda *_: {})  # or the second search would start from what the first one found
    before = tune.tune(*fresh_place.night, "recommendations", trials=2, minutes=5)
    fresh_place.change("delete from feat_interaction_labels where as_of_date > date '2026-03-03'")
    assert tune.tune(*fresh_place.night, "recommendations", trials=2, minutes=5) == before


def test_without_purchases_the_search_says_why_there_is_none(fresh_place):
    fresh_place.change("delete from feat_interaction_labels")
    assert "not tuned, only 0 users" in tune.tune(*fresh_place.night, "recommendations", trials=2, minutes=5)
