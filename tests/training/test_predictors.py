"""What every predictor must do, whichever it is."""

import numpy as np
import pytest

import steps
from training import arrays, backend, value_metrics
from training.features import Features
from training.models import gradient_boosting, mean_value, tabular_network, value_boosting, value_network
from training.objectives import judge_probabilities
from training.predictions import CalibratedPredictor
from training.probability_metrics import auc, log_losses
from training.recipes import PREDICTORS, Recipe

SMALL = {"tabular_network": tabular_network.Params(units=(32, 16), epochs=15, batch_rows=256)}


@pytest.fixture(scope="module")
def rows(user_snapshots):
    """(training, later): features and outcomes of five older snapshots and of the newest labelled one."""
    days = user_snapshots.labelled_dates
    parts = user_snapshots.on(days[:5]), user_snapshots.on(days[-1:])
    return [(part.features, part.outcome) for part in parts]


@pytest.fixture(scope="module", params=PREDICTORS["probability"])
def model(request: pytest.FixtureRequest, rows):
    params = SMALL.get(request.param)
    recipe = Recipe.of(request.param, params) if params else Recipe.default(request.param)
    return recipe.build().fit(*rows[0])


def test_probabilities_are_probabilities(model, rows):
    probability = model.predict(rows[1][0])
    assert probability.shape == (len(rows[1][0]),)
    assert ((probability > 0) & (probability < 1)).all()


def test_the_planted_structure_is_found_and_the_base_rate_knows_nobody(model, rows):
    features, outcome = rows[1]
    ranked = auc(outcome, model.predict(features))
    constant = log_losses(outcome, np.full(len(outcome), rows[0][1].mean())).mean()
    if type(model).__module__.endswith("base_rate"):
        assert ranked == 0.5
        assert model.predict(features)[0] == pytest.approx(rows[0][1].mean(), abs=0.01)
    else:
        assert ranked > 0.8
        assert log_losses(outcome, model.predict(features)).mean() < 0.85 * constant


EAGER = {"days_since_last_event": 1, "view_count_7d": 12, "view_count_90d": 120, "order_count_365d": 30, "order_amount_365d": 390,
         "days_since_last_order": 2}  # fmt: skip
QUIET = {"days_since_last_event": 8, "view_count_7d": 0, "view_count_90d": 9, "order_count_365d": 0, "order_amount_365d": 0,
         "days_since_last_order": float("nan")}  # fmt: skip


def test_an_eager_visitor_is_likelier_to_buy_than_a_quiet_one(model, rows):
    eager, quiet = (with_values(rows[1][0], values) for values in (EAGER, QUIET))
    difference = (model.predict(eager) - model.predict(quiet)).mean()
    assert difference == 0 if type(model).__module__.endswith("base_rate") else difference > 0.2


def test_the_same_fit_twice_gives_the_same_probabilities(model, rows):
    again = type(model)(model.params).fit(*rows[0])
    assert np.array_equal(again.predict(rows[1][0]).round(6), model.predict(rows[1][0]).round(6))


def test_a_stored_model_says_the_same(model, rows, tmp_path):
    model.save(tmp_path)
    assert not [name for name in arrays.hashes(tmp_path) if not name.endswith((".npz", ".json", ".keras"))]
    loaded = type(model).load(model.params, tmp_path)
    assert np.array_equal(loaded.predict(rows[1][0]), model.predict(rows[1][0]))


def test_rows_that_are_not_trained_on_change_nothing(model, rows):
    """What a model makes of a row does not depend on the rows beside it."""
    features = rows[1][0]
    assert model.predict(features.take(np.arange(7))) == pytest.approx(model.predict(features)[:7], abs=1e-6)


def test_unknown_values_and_new_words_are_answered(model, rows):
    strange = rows[1][0].with_value("days_since_last_order", float("nan")).with_value("favourite_category", "never seen")
    assert np.isfinite(model.predict(strange)).all()


def test_a_column_of_which_nothing_is_known_yet_is_no_obstacle(model, rows):
    features, outcome = rows[0]
    fitted = type(model)(model.params).fit(features.with_value("days_since_last_order", float("nan")), outcome)
    assert np.isfinite(fitted.predict(rows[1][0])).all()


def test_the_exported_trees_say_what_scikit_learn_says(rows):
    model = gradient_boosting.Model(gradient_boosting.Params(trees=25))
    boosted = model._boosted(*rows[0], trees=25)
    model._keep_trees(boosted, 25)
    features = rows[1][0].with_value("order_amount_365d", float("nan"))
    for each in (rows[1][0], features):
        assert model.predict(each) == pytest.approx(boosted.predict_proba(model._columns(each))[:, 1], abs=1e-9)


def test_fewer_trees_of_a_long_fit_are_a_short_fit(rows):
    tuned = gradient_boosting.Model.tuned(gradient_boosting.Params(), *rows)
    short = gradient_boosting.Model(tuned.params).fit(*rows[0])
    assert 1 <= tuned.params.trees < gradient_boosting.MOST_TREES
    assert short.predict(rows[1][0]) == pytest.approx(tuned.predict(rows[1][0]), abs=1e-12)


def test_the_network_stops_where_the_validation_loss_is_smallest(rows):
    tuned = tabular_network.Model.tuned(tabular_network.Params(units=(32,), batch_rows=256), *rows)
    losses = log_losses(rows[1][1], tuned.predict(rows[1][0])).mean()
    assert 1 <= tuned.params.epochs <= tabular_network.MOST_EPOCHS
    assert losses < log_losses(rows[1][1], np.full(len(rows[1][1]), rows[0][1].mean())).mean()


def test_the_members_of_the_network_differ_and_their_mean_probability_is_the_answer(rows):
    features, outcome = rows[1]
    model = tabular_network.Model(SMALL["tabular_network"]).fit(*rows[0])
    logits = model.network.predict(model._inputs(features), verbose=0)
    assert logits.shape == (len(features), model.params.members)
    assert (logits.std(axis=1) > 1e-4).all()
    mean = (1 / (1 + np.exp(-logits.astype(np.float64)))).mean(axis=1)
    assert model.predict(features) == pytest.approx(mean, abs=1e-6)
    watched = model.network.evaluate(model._inputs(features), outcome[:, None], batch_size=len(outcome), verbose=0, return_dict=True)
    assert watched["ensemble_loss"] == pytest.approx(log_losses(outcome, mean).mean(), abs=1e-5)


def test_crossing_multiplies_columns():
    backend.start_keras()
    from training.models.tabular_layers import Cross

    layer = Cross(rank=2)
    start, hidden = np.array([[1.0, 2, 3]], np.float32), np.array([[4.0, 5, 6]], np.float32)
    crossed = np.array(layer([start, hidden]))
    down, up, shift = (np.array(weights) for weights in (layer.down.kernel, layer.up.kernel, layer.up.bias))
    assert crossed == pytest.approx(start * (hidden @ down @ up + shift) + hidden, abs=1e-5)


def test_a_diverging_network_is_a_clear_refusal(rows):
    features, outcome = rows[0]
    wild = Features(features.numeric_names, features.numeric, features.categorical_names, features.categorical)
    with pytest.raises(steps.StepError, match="the loss of tabular_network diverged"):
        tabular_network.Model(tabular_network.Params(epochs=1)).fit(wild, np.full(len(outcome), np.nan))


def test_a_stored_calibration_comes_back_with_its_model(model, rows, tmp_path):
    from training import calibration

    calibrated = CalibratedPredictor(model, calibration.fit(rows[1][1], model.predict(rows[1][0])))
    calibrated.save(tmp_path)
    recipe = Recipe.of(type(model).__module__.rsplit(".", 1)[1], model.params)
    loaded = CalibratedPredictor.load(recipe, tmp_path)
    assert np.array_equal(loaded.predict(rows[1][0]), calibrated.predict(rows[1][0]))
    assert judge_probabilities(np.arange(len(rows[1][1])), rows[1][1], loaded.predict(rows[1][0])).metrics[
        "mean_probability"
    ] == pytest.approx(rows[1][1].mean(), abs=0.02)


AMOUNTS = {
    "mean_value": mean_value.Model(mean_value.Params()),
    "value_boosting": value_boosting.Model(value_boosting.Params(trees=40)),
    "value_network": value_network.Model(value_network.Params(units=(32, 16), epochs=15, batch_rows=256)),
}


@pytest.mark.parametrize("name", AMOUNTS)
def test_expected_amounts_follow_what_is_spent_and_come_back_from_disk(rows, name, tmp_path):
    (features, _), (later, _) = rows
    spent = [np.random.default_rng(1).poisson(np.nan_to_num(part.column("view_count_90d")) / 10) * 7.5 for part in (features, later)]
    model = AMOUNTS[name].fit(features, spent[0])
    expected = model.predict(later)
    assert (expected > 0).all()
    assert value_metrics.total_bias(spent[1], expected) == pytest.approx(0, abs=0.25), "what is left is for the calibration"
    if name != "mean_value":
        mean = np.full(len(later), spent[0].mean())
        assert value_metrics.normalised_gini(spent[1], expected) > 0.5
        assert np.mean(value_metrics.poisson_deviances(spent[1], expected)) < 0.8 * np.mean(value_metrics.poisson_deviances(spent[1], mean))
    model.save(tmp_path)
    assert np.array_equal(type(model).load(model.params, tmp_path).predict(later), expected)


def with_values(features: Features, values: dict[str, float]) -> Features:
    for name, value in values.items():
        features = features.with_value(name, value)
    return features
