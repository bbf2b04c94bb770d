"""Training, promotion and scoring over a made-up warehouse: what a night leaves behind, and what a second one changes."""

import hashlib
import json
import shutil
from datetime import timedelta

import duckdb
import numpy as np
import pytest

import steps
import warehouse
from tests.training import synthetic_warehouse
from tests.training.conftest import Place, furnished
from training import arrays, tracking
from training.compare import compare
from training.models import ease, item_knn, popularity, softmax_factorization, tabular_network
from training.promote import promote
from training.recipes import PREDICTORS
from training.recommendations import RecommendationTask
from training.score import MARGIN, score
from training.train import train

TASKS = ("recommendations", "purchase_7d", "value_7d", "category_7d")


@pytest.fixture(scope="module")
def small_candidates():
    """Fewer and shorter fits: what a night does with them is the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecommendationTask, "models", ("popularity", "softmax_factorization"))
        patch.setitem(PREDICTORS, "probability", ("base_rate", "gradient_boosting", "tabular_network"))
        patch.setattr(softmax_factorization, "MOST_EPOCHS", 10)
        patch.setattr(tabular_network, "MOST_EPOCHS", 6)
        yield


@pytest.fixture(scope="module")
def night_place(small_candidates, tmp_path_factory, synthetic_file, empty_store) -> Place:
    return furnished(tmp_path_factory.mktemp("night"), synthetic_file, empty_store)


def whole_night(place: Place, again: bool = False) -> dict[str, str]:
    """Every step's summary line."""
    summaries = {}
    for task in TASKS:
        summaries[f"train {task}"] = train(*place.night, task, again)
        summaries[f"promote {task}"] = promote(*place.night, task)
    return summaries | {"score": score(*place.night, again)}


@pytest.fixture(scope="module")
def first_night(night_place: Place) -> dict[str, str]:
    return whole_night(night_place)


@pytest.fixture(scope="module")
def runs(night_place: Place, first_night) -> dict[str, list]:
    """All runs of each task as MLflow has them, oldest first."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(night_place.settings.mlflow_tracking_uri)
    experiments = {task: client.get_experiment_by_name(f"tiny.{task}").experiment_id for task in TASKS}
    return {task: client.search_runs([experiment], order_by=["attributes.start_time"]) for task, experiment in experiments.items()}


def query(place: Place, sql: str) -> list[tuple]:
    """Rows of the predictions; {name} stands for a file."""
    files = {file.stem: f"read_parquet('{file}', hive_partitioning = false)" for file in place.predictions.glob("*.parquet")}
    return duckdb.sql(sql.format(**files)).fetchall()


def hashes(place: Place) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in place.predictions.iterdir()}


def test_each_step_says_in_one_line_what_it_did(first_night):
    assert first_night["train recommendations"].startswith("train recommendations tiny 2026-03-31: ndcg_at_5 on ")
    assert "is the first champion" in first_night["promote purchase_7d"]
    assert first_night["score"].startswith("score tiny 2026-03-31: 4500 user_recommendations, ")
    assert " user_predictions, 1200 user_category_predictions, 300 user_clusters, 4 models" in first_night["score"]
    assert all("\n" not in line for line in first_night.values())


@pytest.mark.parametrize("task", TASKS)
def test_a_night_is_one_parent_run_with_a_nested_run_for_each_fit(runs, task):
    parents = [run for run in runs[task] if run.data.tags["stage"] == "night"]
    assert len(parents) == 1
    fits = [run for run in runs[task] if run.data.tags["stage"] != "night"]
    assert {run.data.tags["mlflow.parentRunId"] for run in fits} == {parents[0].info.run_id}
    candidates = 3 if task == "purchase_7d" else 2
    stages = [run.data.tags["stage"] for run in fits]
    assert [stages.count(stage) for stage in ("validation", "test", "score")] == [candidates, candidates, 1]


@pytest.mark.parametrize("task", TASKS)
def test_every_compared_fit_has_the_same_metrics_and_says_what_it_was_made_of(runs, task):
    judged = [run for run in runs[task] if run.data.tags["stage"] in ("validation", "test")]
    names = [set(run.data.metrics) - {"training_loss"} for run in judged]
    assert len(names[0]) >= 6
    assert all(each == names[0] for each in names)
    for run in judged:
        assert {"dataset_digest", "run_date", "git_commit", "device", "code_hash", "recipe"} <= set(run.data.tags)
        assert run.data.params["model"] == run.data.tags["model"]
    if task == "recommendations":
        assert {"recall_at_5", "ndcg_at_10", "mrr_at_50", "hit_rate_at_20", "coverage_at_20", "gini_at_5", "ndcg_at_5_low"} <= names[0]
    elif task == "value_7d":
        assert {"poisson_deviance", "root_mean_squared_error", "total_bias", "normalised_gini"} <= names[0]
    else:
        assert {"log_loss", "auc", "brier_score", "expected_calibration_error"} <= names[0]


def test_plots_and_models_are_stored_and_nothing_is_pickled(night_place, first_night):
    files = {path.name for path in night_place.settings.mlflow_artifacts.rglob("*") if path.is_file()}
    assert {
        "comparison.png",
        "reliability.png",
        "importance.png",
        "losses.png",
        "night.json",
        "gains.npz",
        "decision.json",
        "network.keras",
    } <= files
    assert {"slices.json", "by_depth.png"} <= files
    assert {name.rsplit(".", 1)[1] for name in files} == {"png", "json", "npz", "keras"}


def test_nothing_that_is_stored_names_a_user(night_place, first_night):
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        keys = {str(key) for (key,) in connection.execute("select distinct user_key from feat_user_snapshots").fetchall()}
    files = list(night_place.settings.mlflow_artifacts.rglob("*.npz"))
    texts = {
        text for file in files for values in arrays.load(file).values() if values.dtype.kind == "U" for text in values.ravel().tolist()
    }
    assert keys and files and not keys & texts
    others = [file for file in night_place.settings.mlflow_artifacts.rglob("*") if file.suffix == ".json"]
    assert not any(key in file.read_text() for file in others for key in keys)


@pytest.mark.parametrize("task", TASKS)
def test_the_champion_is_a_registered_recipe(night_place, first_night, task):
    store = tracking.Store(night_place.settings, "tiny", task)
    version = store.versions()[store.champion()]
    assert (version.number, version.run_date, version.replaces) == (1, night_place.run_date, None)
    assert version.recipe.build()
    assert store.tags(version.run_id)["stage"] == "test"


def test_the_planted_structure_makes_the_keras_model_champion_over_popularity(night_place, first_night):
    ((model, value, baseline, baseline_value),) = query(
        night_place, "select model_name, value, baseline_name, baseline_value from {models} where task = 'recommendations'"
    )
    assert (model, baseline) == ("softmax_factorization", "popularity")
    assert value > 1.5 * baseline_value


def test_every_user_with_a_history_has_a_list_that_breaks_no_rule(night_place, first_night):
    k = night_place.shop.recommendations.k
    lists = query(
        night_place, "select user_key, count(*), max(rank), count(distinct item_id) from {user_recommendations} group by user_key"
    )
    assert len(lists) == 300
    assert {row[1:] for row in lists} == {(k + MARGIN,) * 3}
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        file = night_place.predictions / "user_recommendations.parquet"
        broken = connection.execute(
            f"""select count(*) from '{file}' as lists where item_id not in
            (select item_id from recommendable_items where as_of_date = date '2026-03-31')
            or (user_key, item_id) in (select (user_key, item_id) from feat_exclusions where as_of_date = date '2026-03-31')"""
        ).fetchone()
    assert broken == (0,)


def test_a_reason_names_an_item_of_the_users_own_history_and_what_was_done_with_it(night_place, first_night):
    words = {"order_completed": "because_bought", "product_added": "because_added", "product_viewed": "because_viewed"}
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        own = connection.execute(
            "select user_key, item_id, last_event_type from feat_interactions where as_of_date = date '2026-03-31'"
        ).fetchall()
    done = {(user, item): words[event] for user, item, event in own}
    rows = query(night_place, "select user_key, reason, reason_item_id from {user_recommendations}")
    named = [(user, reason, item) for user, reason, item in rows if item is not None]
    assert len(named) > 0.9 * len(rows)
    assert all(done[user, item] == reason for user, reason, item in named)
    assert {reason for _, reason, item in rows if item is None} <= {"popular"}


def test_probabilities_are_calibrated_to_the_rate_of_the_last_week_and_come_with_reasons(night_place, first_night):
    rows = query(
        night_place,
        "select probability, expected_value, top_reasons, horizon_days, target from {user_predictions} where target = 'purchase_7d'",
    )
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        ((rate,),) = connection.execute("select avg(is_purchaser::int) from feat_user_labels where as_of_date = '2026-03-24'").fetchall()
    assert np.mean([row[0] for row in rows]) == pytest.approx(rate, abs=0.06)
    assert {(row[1], row[3], row[4]) for row in rows} == {(None, 7, "purchase_7d")}
    reasons = [reason for row in rows for reason in row[2]]
    assert len(reasons) >= 2.5 * len(rows)
    known = tuple(f"{comment}: " for comment in synthetic_warehouse.COMMENTS.values())
    assert all(reason.startswith(known) and reason.endswith(("(raises)", "(lowers)")) for reason in reasons)


def test_amounts_are_of_the_population_and_their_total_is_that_of_last_week(night_place, first_night):
    rows = query(night_place, "select user_key, probability, expected_value from {user_predictions} where target = 'value_7d'")
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        asked = connection.execute(
            "select user_key from feat_user_snapshots where as_of_date = '2026-03-31' and order_count_365d > 0"
        ).fetchall()
        ((spent,),) = connection.execute(
            "select avg(order_amount) from feat_user_labels semi join feat_user_snapshots on feat_user_labels.user_key ="
            " feat_user_snapshots.user_key and order_count_365d > 0 where as_of_date = '2026-03-24'"
        ).fetchall()
    assert {row[0] for row in rows} == {row[0] for row in asked}
    assert all(row[1] is None and row[2] >= 0 for row in rows)
    assert np.mean([row[2] for row in rows]) == pytest.approx(float(spent), rel=0.35)


def test_everyone_has_a_chance_for_each_category_and_their_own_is_the_likeliest(night_place, first_night):
    rows = query(night_place, "select user_key, category, probability from {user_category_predictions} where target = 'category_7d'")
    best = {}
    for user, category, probability in rows:
        best[user] = max(best.get(user, (0, "")), (probability, category))
    with duckdb.connect(str(night_place.warehouse), read_only=True) as connection:
        own = dict(
            connection.execute("select user_key, favourite_category from feat_user_snapshots where as_of_date = '2026-03-31'").fetchall()
        )
    assert len(rows) == 4 * len(own)
    assert np.mean([own[user] == category for user, (_, category) in best.items()]) > 0.7


def test_floats_are_rounded_to_six_digits(night_place, first_night):
    assert query(night_place, "select count(*) from {user_recommendations} where score <> round(score, 6)") == [(0,)]
    for table in ("{user_predictions}", "{user_category_predictions}"):
        unrounded = (
            f"select count(*) from {table} where round(coalesce(probability, expected_value), 6) <> coalesce(probability, expected_value)"
        )
        assert query(night_place, unrounded) == [(0,)]


def test_the_manifest_says_what_the_files_were_made_of(night_place, first_night):
    manifest = json.loads((night_place.predictions / "manifest.json").read_text())
    assert manifest["inputs"]["champions"] == dict.fromkeys(TASKS, 1)
    assert set(manifest["inputs"]["datasets"]) == set(TASKS)
    assert manifest["sha256"] == {name: value for name, value in hashes(night_place).items() if name.endswith(".parquet")}


def test_running_the_night_again_reuses_every_fit_and_keeps_every_file(night_place, first_night, runs):
    before = hashes(night_place)
    summaries = whole_night(night_place)
    assert all("reused run" in summaries[f"train {task}"] for task in TASKS)
    assert "kept run_date=2026-03-31" in summaries["score"]
    assert summaries["promote recommendations"] == first_night["promote recommendations"]
    assert hashes(night_place) == before
    store = tracking.Store(night_place.settings, "tiny", "recommendations")
    assert len(store._client.search_runs([store._experiment])) == len(runs["recommendations"])
    assert list(store.versions()) == [1]


def test_scoring_anew_from_the_stored_fits_gives_the_same_files(night_place, first_night):
    before = hashes(night_place)
    shutil.rmtree(night_place.predictions)
    score(*night_place.night)
    assert hashes(night_place) == before


def test_the_same_night_fitted_twice_gives_the_same_files(night_place, first_night):
    before = hashes(night_place)
    summaries = whole_night(night_place, again=True)
    assert not any("reused" in line or "kept" in line for line in summaries.values())
    assert hashes(night_place) == before


def test_the_comparison_shows_metrics_lists_and_slices_of_every_candidate(night_place, first_night):
    text = compare(*night_place.night)
    recommendations = text.split("### purchase_7d")[0]
    accuracy, lists, slices = (table.splitlines() for table in recommendations.split("\n\n") if table.startswith("|"))
    assert "mrr_at_50" in accuracy[0] and "gini_at_5" in lists[0] and not accuracy[0].count("gini")
    assert [line.split(" | ")[0] for line in accuracy[2:]] == ["| softmax_factorization", "| popularity"]
    assert slices[0] == "| ndcg_at_5 (95 %) | users | softmax_factorization | popularity |"
    assert [line.split(" | ")[0] for line in slices[2:4]] == ["| all", "| without history"]
    assert len(slices) >= 12


def test_a_later_night_challenges_the_champion_and_moves_the_alias_only_for_a_win(fresh_place, monkeypatch):
    """A night with popularity alone, and two weeks later one whose only candidate is item_knn."""
    monkeypatch.setattr(RecommendationTask, "models", ("popularity",))
    train(*fresh_place.night, "recommendations")
    promote(*fresh_place.night, "recommendations")
    later = Place(fresh_place.settings, fresh_place.shop, fresh_place.run_date + timedelta(days=14))
    synthetic_warehouse.make(later.warehouse, synthetic_warehouse.Size(last_day=later.run_date))
    monkeypatch.setattr(RecommendationTask, "models", ("item_knn",))
    trained = train(*later.night, "recommendations")
    assert "champion popularity 0." in trained, "the champion's recipe is fitted beside the candidates"
    summary = promote(*later.night, "recommendations")
    store = tracking.Store(later.settings, "tiny", "recommendations")
    assert "item_knn (ndcg_at_5" in summary
    assert "replaces popularity" in summary
    assert summary.endswith("champion is version 2")
    assert (store.champion(), store.versions()[2].replaces) == (2, 1)
    assert promote(*later.night, "recommendations") == summary, "deciding again changes nothing"
    assert list(store.versions()) == [1, 2]
    decision = store.read_json(store.finished(stage="night", run_date=later.run_date.isoformat()), "decision.json")
    assert decision["interval_low"] > 0


def test_a_champion_whose_catalogue_has_outgrown_it_is_followed_by_another_model(fresh_place, monkeypatch):
    monkeypatch.setattr(RecommendationTask, "models", ("ease",))
    train(*fresh_place.night, "recommendations")
    promote(*fresh_place.night, "recommendations")
    later = Place(fresh_place.settings, fresh_place.shop, fresh_place.run_date + timedelta(days=14))
    synthetic_warehouse.make(later.warehouse, synthetic_warehouse.Size(last_day=later.run_date))
    monkeypatch.setattr(RecommendationTask, "models", ("popularity", "ease"))
    monkeypatch.setattr(ease, "MOST_ITEMS", 10)
    assert "ease" not in train(*later.night, "recommendations").partition(" users: ")[2]
    assert "popularity follows a champion that does not fit any more" in promote(*later.night, "recommendations")
    store = tracking.Store(later.settings, "tiny", "recommendations")
    assert (store.champion(), store.versions()[2].replaces) == (2, 1)


def test_an_older_night_run_again_leaves_the_alias_with_the_newer_one(fresh_place, monkeypatch):
    monkeypatch.setattr(RecommendationTask, "models", ("popularity",))
    later = Place(fresh_place.settings, fresh_place.shop, fresh_place.run_date + timedelta(days=14))
    older_file = fresh_place.warehouse.read_bytes()
    synthetic_warehouse.make(later.warehouse, synthetic_warehouse.Size(last_day=later.run_date))
    train(*later.night, "recommendations")
    promote(*later.night, "recommendations")
    later.warehouse.write_bytes(older_file)
    train(*fresh_place.night, "recommendations")
    summary = promote(*fresh_place.night, "recommendations")
    store = tracking.Store(later.settings, "tiny", "recommendations")
    assert "the alias stays at version 1 of 2026-04-14, a later night" in summary
    assert (store.champion(), store.versions()[2].run_date) == (1, fresh_place.run_date)


def test_without_purchases_nothing_is_trained_and_the_files_say_why(fresh_place):
    fresh_place.change(
        "delete from feat_interaction_labels",
        "update feat_user_labels set is_purchaser = false, order_amount = 0",
        "update feat_category_labels set is_purchaser = false",
    )
    summaries = whole_night(fresh_place)
    assert "not trained: only 0 users with a history bought something" in summaries["train recommendations"]
    assert "not trained: only 0 positive answers to learn from" in summaries["train purchase_7d"]
    assert "no decision, not trained" in summaries["promote recommendations"]
    assert "purchase_7d is switched off: only 0 positive answers" in summaries["score"]
    degraded = query(fresh_place, "select task, degraded, model_name, ineligible_reason from {models} order by task")
    assert [row[0] for row in degraded] == sorted(TASKS)
    assert all(row[1] and row[2] is None for row in degraded)
    assert {row[3] for row in degraded} == {"too_few_people", "too_few_positives"}
    assert "no expected amounts" in next(row[1] for row in degraded if row[0] == "value_7d")
    assert query(fresh_place, "select count(*) from {user_predictions}") == [(0,)]
    assert query(fresh_place, "select count(*) from {user_clusters}") == [(300,)]


def test_answers_that_are_all_yes_teach_nothing(fresh_place):
    fresh_place.change("update feat_user_labels set is_purchaser = true")
    assert "not trained: all 1253 answers of one part" in train(*fresh_place.night, "purchase_7d")


def test_a_shop_without_any_data_has_a_whole_folder_of_empty_files(fresh_place):
    tables = (
        "feat_interactions",
        "feat_interaction_labels",
        "feat_user_snapshots",
        "feat_user_labels",
        "feat_category_snapshots",
        "feat_category_labels",
        "recommendable_items",
        "feat_items",
    )
    fresh_place.change(*(f"delete from {table}" for table in tables))
    summaries = whole_night(fresh_place)
    assert "0 past snapshots have their answers by now" in summaries["train purchase_7d"]
    assert "recommendations is switched off: nobody has touched any item yet" in summaries["score"]
    assert query(fresh_place, "select count(*) from {user_recommendations}") == [(0,)]
    assert len(list(fresh_place.predictions.iterdir())) == 6


def test_promoting_a_night_that_was_not_trained_says_what_to_run(fresh_place):
    with pytest.raises(steps.StepError, match=r"run `python -m training.train recommendations` first"):
        promote(*fresh_place.night, "recommendations")


def test_a_night_without_a_warehouse_says_what_to_run(fresh_place):
    fresh_place.warehouse.unlink()
    with pytest.raises(steps.StepError, match=r"python -m warehouse build features"):
        train(*fresh_place.night, "recommendations")


@pytest.fixture
def diverging(monkeypatch):
    """A network whose loss is no number from the first step on."""
    monkeypatch.setattr(softmax_factorization, "EPOCHS_A_CHECK", dict.fromkeys(softmax_factorization.EPOCHS_A_CHECK, 1))
    monkeypatch.setattr(softmax_factorization.Model, "recency", lambda self, window: np.full(len(window.item), np.nan, np.float32))


def failures(place: Place, task: str) -> set[tuple[str, str]]:
    """Stage and reason of each failed run."""
    store = tracking.Store(place.settings, "tiny", task)
    runs = store._client.search_runs([store._experiment], "attributes.status = 'FAILED'")
    return {(run.data.tags["stage"], run.data.tags["failure"]) for run in runs}


def test_a_fit_that_diverges_fails_its_run_and_the_others_go_on(fresh_place, monkeypatch, diverging):
    monkeypatch.setattr(RecommendationTask, "models", ("popularity", "softmax_factorization"))
    reason = "the loss of softmax_factorization diverged (nan)"
    assert train(*fresh_place.night, "recommendations").endswith(f"; no candidate tonight: softmax_factorization ({reason})")
    assert failures(fresh_place, "recommendations") == {("validation", reason)}
    assert "popularity is the first champion" in promote(*fresh_place.night, "recommendations")
    store = tracking.Store(fresh_place.settings, "tiny", "recommendations")
    assert [version.recipe.model for version in store.versions().values()] == ["popularity"]
    assert "recommendations: softmax_factorization switched off tonight, since the fit diverged" in score(*fresh_place.night)
    told = query(fresh_place, "select degraded, ineligible_reason from {models} where task = 'recommendations'")
    assert told == [("recommendations: softmax_factorization switched off tonight, since the fit diverged", None)]


def test_where_every_fit_diverges_the_night_fails_and_registers_nothing(fresh_place, monkeypatch, diverging):
    monkeypatch.setattr(RecommendationTask, "models", ("softmax_factorization",))
    with pytest.raises(steps.StepError, match=r"every fit diverged, so nothing is compared: softmax_factorization \(the loss"):
        train(*fresh_place.night, "recommendations")
    assert {stage for stage, _ in failures(fresh_place, "recommendations")} == {"validation", "night"}
    store = tracking.Store(fresh_place.settings, "tiny", "recommendations")
    assert store.finished(stage="night") is None
    assert store.versions() == {}


def test_a_champion_that_diverges_in_scoring_stops_the_night_before_anything_is_written(fresh_place, monkeypatch):
    monkeypatch.setattr(RecommendationTask, "models", ("popularity",))
    train(*fresh_place.night, "recommendations")
    promote(*fresh_place.night, "recommendations")
    monkeypatch.setattr(popularity.PopularAnswers, "scores", lambda self, users: np.full((len(users), len(self.shared)), np.nan))
    with pytest.raises(steps.StepError, match=r"the champion popularity cannot score the night: a score diverged \(nan\).*old build is"):
        score(*fresh_place.night)
    assert not fresh_place.predictions.exists()


def test_a_model_whose_lists_are_all_the_same_is_refused_by_the_gate(fresh_place, monkeypatch):
    monkeypatch.setattr(RecommendationTask, "models", ("item_knn",))

    def by_place(answers: item_knn.KnnAnswers, users: np.ndarray) -> np.ndarray:
        return np.tile(np.arange(len(answers.history.catalogue), dtype=np.float32), (len(users), 1))

    monkeypatch.setattr(item_knn.KnnAnswers, "scores", by_place)
    train(*fresh_place.night, "recommendations")
    said = promote(*fresh_place.night, "recommendations")
    assert said.endswith(
        "no recipe is fit to be champion tonight; refused: item_knn gives 100% of the users the same list; there is no champion yet"
    )
    assert tracking.Store(fresh_place.settings, "tiny", "recommendations").versions() == {}
    summary = score(*fresh_place.night)
    assert "recommendations is switched off: no recipe is fit to be champion tonight" in summary


def test_a_held_lock_stops_the_write_and_leaves_nothing(fresh_place):
    with warehouse.lock(fresh_place.settings, fresh_place.shop, "build features"), pytest.raises(steps.StepError, match="build features"):
        score(*fresh_place.night)
    assert not fresh_place.predictions.exists()
