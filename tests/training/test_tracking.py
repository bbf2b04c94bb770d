"""What is written to MLflow can be read again, and only unchanged."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

import steps
from training import arrays, tracking
from training.models import popularity
from training.recipes import Recipe


@pytest.fixture
def store(fresh_place) -> tracking.Store:
    return tracking.Store(fresh_place.settings, "tiny", "recommendations")


@pytest.fixture
def client(fresh_place):
    from mlflow.tracking import MlflowClient

    return MlflowClient(fresh_place.settings.mlflow_tracking_uri)


def test_an_experiment_carries_the_shops_name_and_its_files_lie_in_the_settings_folder(store, client, fresh_place):
    experiment = client.get_experiment_by_name("tiny.recommendations")
    assert experiment.artifact_location == (fresh_place.settings.mlflow_artifacts / "tiny" / "recommendations").as_uri()
    assert tracking.Store(fresh_place.settings, "tiny", "recommendations").name == "tiny.recommendations"
    assert experiment.tags["mlflow.note.content"] == tracking.DESCRIPTION


def test_a_fit_is_a_nested_run_with_what_was_logged(store, client):
    with store.run("night", {"stage": "night"}) as night, store.run("popularity", {"stage": "test"}, night.id) as fit:
        fit.log({"half_life_days": 7}, {"ndcg_at_10": 0.25}, {"device": "cpu"})
        fit.log_curve("training_loss", [3.0, 2.0])
        fit.log_dataset("tiny.recommendations", "abc")
        night.log_json({"a": [1]}, "night.json")
        night.log_arrays("gains.npz", gains=np.arange(3))
    run = client.get_run(fit.id)
    assert run.data.tags["mlflow.parentRunId"] == night.id
    assert run.info.status == "FINISHED"
    assert (run.data.params, run.data.metrics["ndcg_at_10"], run.data.tags["device"]) == ({"half_life_days": "7"}, 0.25, "cpu")
    assert [point.value for point in client.get_metric_history(fit.id, "training_loss")] == [3.0, 2.0]
    assert run.inputs.dataset_inputs[0].dataset.digest == "abc"
    assert store.read_json(night.id, "night.json") == {"a": [1]}
    assert store.read_arrays(night.id, "gains.npz")["gains"].tolist() == [0, 1, 2]


def test_a_run_that_raises_is_failed_and_never_found(store, client):
    with pytest.raises(ValueError, match="broken"), store.run("night", {"stage": "night", "night_key": "k"}) as run:
        raise ValueError("broken")
    assert client.get_run(run.id).info.status == "FAILED"
    assert client.get_run(run.id).data.tags["failure"] == "ValueError", "what it says may hold a row of the data"
    assert store.finished(stage="night", night_key="k") is None


def test_a_failed_run_says_in_words_what_the_operator_can_mend(store, client):
    with pytest.raises(steps.StepError), store.run("night", {}) as run:
        raise steps.StepError("the loss diverged (nan)")
    assert client.get_run(run.id).data.tags["failure"] == "the loss diverged (nan)"


def test_of_equal_runs_the_one_used_last_is_found(store):
    for _ in range(2):
        with store.run("night", {"stage": "night", "run_date": "2026-03-31"}) as run:
            pass
    first = store.finished(stage="night")
    assert first == run.id
    older = next(each for each in store._client.search_runs([store._experiment]) if each.info.run_id != run.id).info.run_id
    store.touch(older)
    assert store.finished(stage="night", run_date="2026-03-31") == older


def test_a_model_is_read_only_as_it_was_recorded(store, window, fresh_place):
    model = popularity.Model(popularity.Params()).fit(window)
    with store.run("fit", {}) as run:
        run.log_model(model)
    with store.stored_model(run.id) as folder:
        assert np.array_equal(popularity.Model.load(model.params, folder).popularity, model.popularity)
    (file,) = fresh_place.settings.mlflow_artifacts.rglob("popularity.npz")
    arrays.save(file, popularity=model.popularity + 1)
    with pytest.raises(arrays.ChangedFileError, match=r"not the recorded model: popularity\.npz"), store.stored_model(run.id):
        pass


@pytest.mark.parametrize(("file", "read"), [("night.json", "read_json"), ("slices.json", "read_table"), ("gains.npz", "read_arrays")])
def test_a_file_that_decides_is_read_only_as_it_was_recorded(store, client, fresh_place, file, read):
    with store.run("night", {}) as run:
        run.log_json({"a": 1}, "night.json")
        run.log_table([{"slice": "all", "users": 3}], "slices.json")
        run.log_arrays("gains.npz", gains=np.arange(3))
    assert getattr(store, read)(run.id, file)
    (path,) = fresh_place.settings.mlflow_artifacts.rglob(file)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(arrays.ChangedFileError, match=f"{file}: its sha256 is not the recorded one; it is not loaded"):
        getattr(store, read)(run.id, file)
    client.delete_tag(run.id, f"sha256.{file}")
    with pytest.raises(arrays.ChangedFileError, match=f"{file}: no sha256 was recorded"):
        getattr(store, read)(run.id, file)


def test_a_file_that_needs_pickle_is_not_read(tmp_path):
    np.savez(tmp_path / "bad.npz", values=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        arrays.load(tmp_path / "bad.npz")


def test_a_version_keeps_its_recipe_and_the_alias_points_at_it(store):
    assert (store.versions(), store.champion()) == ({}, None)
    with store.run("fit", {}) as run:
        pass
    recipe = Recipe.default("item_knn")
    first = store.register(recipe, date(2026, 3, 1), None, run.id)
    second = store.register(Recipe.default("popularity"), date(2026, 3, 2), first.number, run.id)
    store.set_champion(second.number)
    assert store.champion() == 2
    assert store.versions() == {1: first, 2: second}
    assert store.versions()[1].recipe == recipe
    assert store.versions()[2].replaces == 1


def test_runs_that_are_forgotten_lose_their_files_and_those_still_needed_stay(store, fresh_place):
    """Kept are the night itself, what a version was made of, and searches for parameters."""
    made = {}
    for night, stage in (("2026-01-01", "night"), ("2026-01-01", "tuning"), ("2026-01-01", "test"), ("2026-06-30", "night")):
        with store.run(stage, {"stage": stage, "run_date": night}) as run:
            run.log_json({"one": 1}, "one.json")
        made[night, stage] = run.id
    store.register(Recipe.default("popularity"), date(2026, 1, 1), None, made["2026-01-01", "test"])
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert store.forget(tomorrow - timedelta(days=2), date(2026, 6, 30)) == 0
    assert store.forget(tomorrow, date(2026, 6, 30)) == 1
    folders = {folder.name for folder in (fresh_place.settings.mlflow_artifacts / "tiny" / "recommendations").iterdir()}
    assert folders == set(made.values()) - {made["2026-01-01", "night"]}
    assert store.finished(stage="night", run_date="2026-01-01") is None
    assert store.finished(stage="night", run_date="2026-06-30") and store.finished(stage="tuning", run_date="2026-01-01")
