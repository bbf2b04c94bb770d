"""How softmax_factorization starts and learns: from spectral or earlier vectors, over the whole catalogue or a sample of it."""

import ast
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from settings import PROJECT_ROOT
from training import backend
from training.history import History
from training.models import popularity, softmax_training, spectral
from training.models.lazy_rows import LazyRows
from training.models.softmax_factorization import Model, Params
from training.recommendations import judge

FILES = ("softmax_factorization", "softmax_network", "softmax_start", "softmax_training", "lazy_rows")
ITEMS = 12


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of 48 items is too large to be scored whole."""
    monkeypatch.setattr(softmax_training, "MOST_WHOLE", 10)


def fitted(window: History, **params) -> Model:
    return Model(Params(**{"dimensions": 16, "epochs": 2, **params})).fit(window)


def test_started_at_spectral_it_ranks_as_spectral_before_the_first_epoch(window):
    users = np.arange(len(window.user_keys))
    model = fitted(window, start="spectral", epochs=0)
    lists = model.recommend(window, users, 10)
    wanted = spectral.Model(spectral.Params(rank=16)).fit(window).recommend(window, users, 10)
    assert (lists.item == wanted.item).mean() > 0.99, "scores that are ties to six digits may turn"
    assert (lists.because_of == wanted.because_of).mean() > 0.99
    assert np.ptp(lists.score[:, 0] / wanted.score[:, 0]) < 1e-3, "the scores differ by one factor"
    trained = model._train(3)
    assert trained.losses[-1] < trained.losses[0]
    assert not np.array_equal(trained.recommend(window, users, 10).item, lists.item)


def test_its_score_is_the_sum_of_its_terms_with_neighbours_too(window):
    model = fitted(window, start="spectral")
    query = model.query(window)[:20]
    everything = np.arange(len(window.catalogue))
    assert model.near.nnz
    assert model.model_scores(query) == pytest.approx(query @ model.likeness(everything, everything), abs=1e-4)


def test_an_earlier_fit_gives_its_vectors_to_the_items_that_it_knew(window):
    earlier, fresh = fitted(window), fitted(window, epochs=0)
    earlier.item_ids, earlier.of_shown = earlier.item_ids[5:], earlier.of_shown[5:]
    model = Model(Params(dimensions=16, epochs=0)).fit(window, earlier)
    assert np.array_equal(model.of_shown[5:], earlier.of_shown)
    assert np.array_equal(model.of_shown[:5], fresh.of_shown[:5])
    warm = Model(Params(dimensions=16, epochs=1)).fit(window, earlier)
    assert warm.losses[0] < fitted(window, epochs=1).losses[0]


@pytest.mark.parametrize("start", ["drawn", "spectral"])
def test_a_fit_on_samples_is_repeated_to_the_bit(start, window, sampled):
    one, two = (fitted(window, start=start, sampled_items=16, dropout=0.1) for _ in range(2))
    assert np.array_equal(one.of_shown, two.of_shown)
    assert one.losses == two.losses


def test_a_fit_on_samples_learns_what_goes_together(window, sampled):
    model = fitted(window, epochs=12, sampled_items=16)
    popular = popularity.Model(popularity.Params()).fit(window)
    assert judge(model.with_head(window), window, 5).metrics["ndcg_at_5"] > 1.5 * judge(popular, window, 5).metrics["ndcg_at_5"]


def test_half_precision_learns_about_the_same_and_answers_in_float32(window, monkeypatch):
    whole = fitted(window, epochs=8)
    monkeypatch.setattr(backend, "precision", lambda: "mixed_bfloat16")
    half = fitted(window, epochs=8)
    assert half.network.compute_dtype == "bfloat16"
    assert half.of_shown.dtype == np.float32
    assert half.losses[-1] == pytest.approx(whole.losses[-1], rel=0.05)
    assert not np.array_equal(half.of_shown, whole.of_shown)


def small_network(seed: int = 1, **kwargs):
    """A compiled network of ITEMS items with vectors drawn anew and popularities, and a batch of three histories."""
    keras = backend.start_keras()
    from training.models.softmax_network import HiddenItemSoftmax, compiled

    random = np.random.default_rng(seed)
    network = HiddenItemSoftmax(ITEMS, ITEMS, 4, {"brand": 3}, **kwargs)
    network.build()
    network.own.assign(random.normal(size=(ITEMS, 4)))
    network.bias.assign(random.normal(size=ITEMS))
    network.codes[0].assign(np.arange(ITEMS) % 3)
    weight = np.array([[0.6, 0.8, 0, 0], [1, 0, 0, 0], [0.5, 0, 0, 0]], np.float32)
    hidden = np.array([[0, 0, 1, 1], [0, 1, 0, 0], [0, 1, 1, 0]], np.float32)
    batch = {"item": np.array([[1, 5, 2, 7], [3, 2, 3, 3], [9, 7, 1, 9]], np.int32), "weight": weight, "hidden": hidden}
    return keras, compiled(network, 0.01, 0.0), batch


def test_the_loss_is_the_surprise_of_the_hidden_items_alone():
    _, network, batch = small_network()
    own, bias = network.row_arrays()[:2]
    scores = np.stack([weight @ own[item] for weight, item in zip(batch["weight"], batch["item"], strict=True)]) @ own.T + bias
    log_share = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    surprises = [-log_share[0, 2], -log_share[0, 7], -log_share[1, 2], -log_share[2, 7], -log_share[2, 1]]
    assert network.test_on_batch(batch, return_dict=True)["loss"] == pytest.approx(np.mean(surprises), rel=1e-4)


def test_the_slope_over_samples_is_the_whole_softmaxs_in_the_mean():
    """A step of plain gradient descent moves the vectors by the slope, so many first steps tell its mean."""
    keras, network, batch = small_network()
    start = network.row_arrays()[0]
    network.compile(keras.optimizers.SGD(1.0))
    touched = np.array([40, 1, 9, 3, 0, 25, 2, 8, 14, 1, 5, 30])
    params = Params(batch_users=3, sampled_items=100)
    histories = softmax_training.Histories(batch["item"], batch["weight"])
    sample = softmax_training.SampledCatalogue(params, network, histories, touched)
    sample.small.compile(keras.optimizers.SGD(1.0))
    sample.rows = LazyRows(sample.small.of_rows, sample.tables, sample.small.optimizer)
    random, slopes, bias, sides = np.random.default_rng(3), [], sample.tables[1].copy(), np.zeros((3, 4))
    for _ in range(200):
        sample.tables[0][:], sample.tables[1][:] = start, bias
        sample.small.tables[0].assign(sides)
        sample.step(batch, random)
        slopes.append(start - sample.tables[0])
    network.train_on_batch(batch)
    wanted, found = start - network.row_arrays()[0], np.mean(slopes, axis=0)
    error = np.std(slopes, axis=0) / np.sqrt(len(slopes))
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    assert (np.abs(found - wanted) < 5 * error + 0.02 * np.abs(wanted).max()).all()


def test_a_lazy_step_moves_the_rows_of_its_batch_alone():
    _, network, batch = small_network()
    params = Params(batch_users=3, sampled_items=2)
    sample = softmax_training.SampledCatalogue(params, network, softmax_training.Histories(batch["item"], batch["weight"]), np.ones(ITEMS))
    before = sample.tables[0].copy()
    random = np.random.default_rng(5)
    drawn = set(np.searchsorted(sample.bounds, np.random.default_rng(5).random(2)).tolist())
    sample.step(batch, random)
    moved = set(np.flatnonzero((sample.tables[0] != before).any(axis=1)).tolist())
    assert set(batch["item"].ravel().tolist()) <= moved
    assert moved <= set(batch["item"].ravel().tolist()) | drawn
    assert len(moved) < ITEMS


def test_lazy_steps_are_those_of_a_whole_table_where_every_row_is_needed():
    """In another order of rows, and over three steps, so that the moments must have travelled with their rows."""
    from training.models.softmax_network import compiled

    _, network, batch = small_network()
    small = compiled(network.sampled(ITEMS, ITEMS), 0.01, 0.0)
    tables = network.row_arrays()
    rows = LazyRows(small.of_rows, tables, small.optimizer)
    for step in range(3):
        items = np.random.default_rng(step).permutation(ITEMS)
        rows.take_in(items)
        small.train_on_batch(batch | {"item": np.argsort(items)[batch["item"]].astype(np.int32)})
        rows.put_back(items)
        network.train_on_batch(batch)
        own, bias = network.row_arrays()[:2]
        assert tables[0] == pytest.approx(own, abs=1e-5)
        assert tables[1] == pytest.approx(bias, abs=1e-5)


def test_its_files_name_no_backend():
    for name in FILES:
        tree = ast.parse((PROJECT_ROOT / "training" / "models" / f"{name}.py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {each for each in imported if each.split(".")[0] in ("tensorflow", "jax", "torch")}


TINY_FIT = """
import json
from datetime import date
import numpy as np
from scipy import sparse
from training.history import Catalogue, History
from training.models import softmax_training
from training.models.softmax_factorization import Model, Params
users, items, ones = 40, 12, np.ones(40 * 4, np.float32)
item = np.sort((np.arange(4) * 2 + np.arange(users)[:, None]) % items, axis=1).ravel().astype(np.int32)
names = np.array([f"{n:03}" for n in range(items)])
none = sparse.csr_array((users, items), dtype=bool)
history = History(date(2026, 1, 1), Catalogue(names, names, names, np.arange(items) + 1.0), np.arange(users).astype(str),
    np.arange(users + 1) * 4, item, ones, ones, ones, ones, ones, ones.astype(np.int8), np.ones(items, bool), none, none, none, names)
losses = []
for softmax_training.MOST_WHOLE in (100, 10):
    model = Model(Params(dimensions=4, epochs=3, start="spectral", sampled_items=8, batch_users=16)).fit(history)
    losses += model.losses
import keras
print(json.dumps([keras.backend.backend(), losses]))
"""


@pytest.mark.parametrize("name", ["jax", "torch"])
def test_the_same_files_learn_the_same_on_another_backend(name, monkeypatch):
    """Nothing is drawn by Keras where the vectors start at spectral's, so the losses are the same but for rounding."""
    if not importlib.util.find_spec(name):
        pytest.skip(f"{name} is not installed: TensorFlow is the only backend that requirements.txt holds")
    environment = os.environ | {"KERAS_BACKEND": name}
    program = [sys.executable, "-c", TINY_FIT]
    done = subprocess.run(program, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    monkeypatch.setattr(softmax_training, "MOST_WHOLE", 0)  # set back after the program has set it
    here: dict = {}
    exec(TINY_FIT, here)
    assert json.loads(done.stdout.splitlines()[-1]) == [name, pytest.approx(here["losses"], abs=1e-3)]
