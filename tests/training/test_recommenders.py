"""What every recommender must do, whichever it is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import steps
from training import arrays, evaluation, item_index, ranking
from training.history import History
from training.models import ease, item_knn, popularity, softmax_factorization, spectral
from training.recipes import RECOMMENDERS, Recipe
from training.recommendations import RecommendationTask, judge

HEAD = {
    "seen": 0.4, "within_7_days": 0.3, "within_30_days": 0.2, "weight": 0.1, "views": 0.05, "carts": 0.1, "purchases": -0.2,
    "popular_7_days": 0.3, "popular_120_days": 0.1, "model": 0.8,
}  # fmt: skip


@pytest.fixture(scope="module", params=RECOMMENDERS)
def model(request: pytest.FixtureRequest, window: History):
    recipe = Recipe.default(request.param)
    if request.param == "softmax_factorization":
        recipe = Recipe.of(request.param, softmax_factorization.Params(epochs=12, dimensions=16, head=HEAD))
    return recipe.build().fit(window)


@pytest.fixture(scope="module")
def lists(model, window):
    return model.recommend(window, np.arange(len(window.user_keys)), 10)


def test_nothing_is_shown_that_is_not_recommendable_or_excluded_or_shown_already(lists, window):
    for user, items in enumerate(lists.item):
        shown = items[items >= 0]
        assert window.is_recommendable[shown].all()
        assert not set(shown.tolist()) & set(window.excluded[[user]].indices.tolist())
        assert len(set(shown.tolist())) == len(shown)


def test_lists_are_in_order_of_score_and_equal_scores_in_order_of_item(lists):
    for items, scores in zip(lists.item, lists.score, strict=True):
        shown = items >= 0
        pairs = list(zip((-scores[shown]).tolist(), items[shown].tolist(), strict=True))
        assert pairs == sorted(pairs)


def test_the_same_fit_twice_gives_the_same_lists(model, lists, window):
    again = type(model)(model.params).fit(window).recommend(window, np.arange(len(window.user_keys)), 10)
    assert np.array_equal(again.item, lists.item)
    assert np.array_equal(again.score, lists.score, equal_nan=True)
    assert np.array_equal(again.because_of, lists.because_of)


def test_a_user_that_fit_never_saw_is_answered_as_if_it_had(model, lists, window):
    """The lists of the last ten users, who are taken out of the history, by a model that is handed them afterwards."""
    known = first_users(window, len(window.user_keys) - 10)
    folded = type(model)(model.params).fit(known).recommend(window, np.arange(len(window.user_keys) - 10, len(window.user_keys)), 10)
    assert (folded.item[:, 0] >= 0).all()
    alike = [len(set(now) & set(before)) for now, before in zip(folded.item.tolist(), lists.item[-10:].tolist(), strict=True)]
    assert np.mean(alike) >= 7, "ten users less change what the others taught it a little"


def test_a_stored_model_says_the_same_and_loads_only_unchanged(model, lists, window, tmp_path):
    model.save(tmp_path)
    recorded = arrays.hashes(tmp_path)
    arrays.check(tmp_path, recorded)
    loaded = type(model).load(model.params, tmp_path).recommend(window, np.arange(len(window.user_keys)), 10)
    assert np.array_equal(loaded.item, lists.item)
    assert np.array_equal(loaded.score, lists.score, equal_nan=True)
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(arrays.ChangedFileError, match=file.name):
        arrays.check(tmp_path, recorded)


def test_personal_models_find_the_planted_taste(model, lists, window):
    """Four tastes of equal size: whoever does not know a user is right for a quarter of them."""
    category = np.unique(window.catalogue.category, return_inverse=True)[1]
    favourite = [np.bincount(category[window.item[window.rows_of(user)]]).argmax() for user in range(len(window.user_keys))]
    share = np.mean([category[items[items >= 0]] == taste for items, taste in zip(lists.item, favourite, strict=True)])
    assert share == pytest.approx(0.25, abs=0.1) if isinstance(model, popularity.Model) else share > 0.7


def test_small_blocks_of_users_give_the_same_lists_and_ask_for_the_whole_history_once(model, lists, window, monkeypatch):
    """What is made of everybody's history anew for each block would take time with the square of the users."""
    asked = []
    answers = type(model).answers
    monkeypatch.setattr(type(model), "answers", lambda self, history: asked.append("answers") or answers(self, history))
    monkeypatch.setattr(History, "matrix", lambda self, values, plain=History.matrix: asked.append("matrix") or plain(self, values))
    monkeypatch.setattr(History, "decay", lambda self, days, plain=History.decay: asked.append("decay") or plain(self, days))
    model.recommend(window, np.arange(1), 10)
    once = len(asked)
    asked.clear()
    monkeypatch.setattr(ranking, "CELLS", 7 * len(window.catalogue))
    blocks = model.recommend(window, np.arange(len(window.user_keys)), 10)
    assert len(asked) == once
    assert np.array_equal(blocks.item, lists.item)
    assert blocks.score == pytest.approx(lists.score, abs=1e-5, nan_ok=True)
    assert np.array_equal(blocks.because_of, lists.because_of)


@pytest.mark.parametrize("head", [{}, HEAD])
def test_an_index_that_looks_into_all_lists_gives_the_lists_of_a_small_catalogue(head, window, monkeypatch):
    model = spectral.Model(spectral.Params(rank=16, neighbour_weight=0, head=head)).fit(window)
    users = np.arange(len(window.user_keys))
    exact = model.recommend(window, users, 10)
    monkeypatch.setattr(item_index, "pays", lambda users, items: True)
    monkeypatch.setattr(item_index, "LEAST_RECALL", 1.0)
    indexed = model.recommend(window, users, 10)
    assert exact.index_recall is None
    assert indexed.index_recall == 1
    alike = indexed.item == exact.item
    assert alike.mean() > 0.99, "sums of floats in another order may turn two of the same score"
    assert indexed.score == pytest.approx(exact.score, abs=1e-5, nan_ok=True)
    assert np.array_equal(indexed.because_of[alike], exact.because_of[alike])
    assert judge(model, window, 5).metrics["index_recall"] == 1


def test_an_empty_list_of_users_is_answered_with_nothing(model, window):
    assert model.recommend(window, np.empty(0, int), 3).item.shape == (0, 3)


def test_popular_lists_have_no_reason(window):
    lists = popularity.Model(popularity.Params()).fit(window).recommend(window, np.arange(20), 5)
    assert (lists.because_of == -1).all()


def test_the_reason_of_item_knn_is_the_largest_term_of_the_sum(window):
    model = item_knn.Model(item_knn.Params(own_weight=0.5)).fit(window)
    touched = window.matrix(np.ones(len(window.item))).toarray()
    length = np.sqrt(touched.sum(axis=0))
    cosine = (touched.T @ touched) / np.outer(np.maximum(length, 1), np.maximum(length, 1))
    cosine[np.diag_indices_from(cosine)] = 0.5
    strength = window.matrix(window.weight * 0.5 ** (window.age_days / model.params.half_life_days)).toarray()
    lists = model.recommend(window, np.arange(60), 5)
    for user in range(60):
        for item, score, reason in zip(lists.item[user], lists.score[user], lists.because_of[user], strict=True):
            terms = strength[user] * cosine[item]
            assert score == pytest.approx(terms.sum(), abs=1e-4)
            assert terms[reason] == pytest.approx(terms.max(), rel=1e-4)


def test_the_weights_of_ease_are_those_of_a_regression_for_each_item(window):
    model = ease.Model(ease.Params(ridge=10)).fit(window)
    touched = window.matrix(np.ones(len(window.item))).toarray().astype(np.float64)
    for item in range(0, touched.shape[1], 9):
        others = np.delete(touched, item, axis=1)
        weights = np.linalg.solve(others.T @ others + 10 * np.eye(others.shape[1]), others.T @ touched[:, item])
        assert np.delete(model.weights[:, item], item) == pytest.approx(weights, abs=1e-4)
        assert model.weights[item, item] == 0


def test_ease_says_why_it_is_no_candidate_for_a_large_catalogue(window, monkeypatch):
    assert ease.Model.shortfall(window) is None
    monkeypatch.setattr(ease, "MOST_ITEMS", 10)
    assert ease.Model.shortfall(window) == "48 items, of which 10 fit"
    monkeypatch.setattr(ease, "MOST_FITTED", 20)
    with pytest.raises(steps.StepError, match="ease: 48 items, of which 20 fit"):
        ease.Model(ease.Params()).fit(window)


def test_what_does_not_fit_is_skipped_and_named(histories, monkeypatch):
    monkeypatch.setattr(ease, "MOST_ITEMS", 10)
    task = RecommendationTask(histories, 5)
    assert task.skipped == {"ease": "48 items, of which 10 fit"}
    assert set(task.models) == set(RECOMMENDERS) - {"ease"}


@pytest.mark.parametrize("model_class", [spectral.Model, ease.Model])
def test_the_reason_of_a_sum_over_the_history_is_its_largest_term(model_class, window):
    """The sum of the terms is the score, so that no part of it is without a reason."""
    model = model_class(spectral.Params(rank=16) if model_class is spectral.Model else ease.Params()).fit(window)
    lists = model.recommend(window, np.arange(60), 5)
    for user in range(60):
        rows = window.rows_of(user)
        items, recency = window.item[rows], 0.1 + 0.5 ** (window.age_days[rows] / 30)
        for item, score, reason in zip(lists.item[user], lists.score[user], lists.because_of[user], strict=True):
            terms = recency / np.sqrt((recency**2).sum()) * model.likeness(items, np.array([item]))[:, 0]
            assert score == pytest.approx(terms.sum(), abs=1e-4)
            assert terms[items == reason][0] == pytest.approx(terms.max(), abs=1e-5)


def test_neighbours_count_as_much_as_the_vectors_times_their_weight(window):
    both, vectors = (spectral.Model(spectral.Params(rank=16, neighbour_weight=each)).fit(window) for each in (0.7, 0.0))
    everything = np.arange(len(window.catalogue))
    near = both.likeness(everything, everything) - vectors.likeness(everything, everything)
    people = window.matrix(np.repeat(np.diff(window.offsets) ** -0.3, np.diff(window.offsets))).toarray()
    touches = np.maximum((people > 0).sum(axis=0), 1)
    wanted = (people.T @ people) / np.outer(touches**0.9, touches**0.3)
    np.fill_diagonal(wanted, 0)
    assert near / near.max() == pytest.approx(wanted / wanted.max(), abs=1e-4)
    sizes = [np.sqrt((touches[:, None] * part**2).sum()) for part in (near, vectors.likeness(everything, everything))]
    assert sizes[0] / sizes[1] == pytest.approx(0.7, rel=0.1), "known from a sample"


def test_a_large_catalogue_has_no_neighbours(window, monkeypatch):
    monkeypatch.setattr(spectral, "MOST_WITH_NEIGHBOURS", 10)
    model = spectral.Model(spectral.Params(rank=16)).fit(window)
    plain = spectral.Model(spectral.Params(rank=16, neighbour_weight=0)).fit(window)
    lists, wanted = (each.recommend(window, np.arange(40), 5) for each in (model, plain))
    assert np.array_equal(lists.item, wanted.item)
    assert np.array_equal(lists.because_of, wanted.because_of)


def test_bm25_says_more_of_people_with_few_items_than_cosine(window):
    cosine, bm25 = (item_knn.Model(item_knn.Params(weighting=each, neighbours=48)).fit(window) for each in ("cosine", "bm25"))
    assert bm25.likeness.nnz == cosine.likeness.nnz
    people = np.diff(window.offsets)
    touched = window.matrix(np.ones(len(window.item))).toarray()
    touch_count = touched.sum(axis=0)
    length = 0.75 + 0.25 * touch_count / touch_count.mean()
    weight = touched * np.log(48 / (1 + people))[:, None].clip(0) * 1.5 / (0.5 * length + 1)
    wanted = weight.T @ weight / (weight**2).sum(axis=0).mean()
    np.fill_diagonal(wanted, 0)
    assert bm25.likeness.toarray() == pytest.approx(wanted, abs=1e-4)


def test_the_reason_of_softmax_factorization_is_the_largest_term_of_the_sum(window):
    model = softmax_factorization.Model(softmax_factorization.Params(epochs=3, dimensions=8, head=HEAD)).fit(window)
    lists = model.recommend(window, np.arange(40), 5)
    popular = {days: np.bincount(window.item, 0.5 ** (window.age_days / days), len(window.catalogue)) for days in (7, 120)}
    shared = sum(HEAD[f"popular_{days}_days"] * np.log(0.5 + counted) for days, counted in popular.items())
    for user in range(40):
        rows = window.rows_of(user)
        items, age = window.item[rows], window.age_days[rows]
        recency = 0.1 + 0.5 ** (age / 30)
        own = (
            HEAD["seen"] + HEAD["within_7_days"] * 0.5 ** (age / 7) + HEAD["within_30_days"] * 0.5 ** (age / 30)
            + HEAD["weight"] * np.log1p(window.weight[rows]) + HEAD["views"] * np.log1p(window.view_count[rows])
            + HEAD["carts"] * np.log1p(window.cart_count[rows]) + HEAD["purchases"] * np.log1p(window.purchase_count[rows])
        )  # fmt: skip
        for item, score, reason in zip(lists.item[user], lists.score[user], lists.because_of[user], strict=True):
            likeness = model.of_history[items] @ model.of_shown[item]
            terms = HEAD["model"] * recency / np.sqrt((recency**2).sum()) * likeness + np.where(items == item, own, 0)
            assert score == pytest.approx(terms.sum() + shared[item], abs=1e-3)
            if terms.max() > 1e-4:
                assert terms[items == reason][0] == pytest.approx(terms.max(), abs=1e-4)


def test_tuning_beats_popularity_and_keeps_what_it_chose(histories):
    window = histories["validation"]
    model = softmax_factorization.Model.tuned(
        softmax_factorization.Params(dimensions=16), window, lambda each: evaluation.ndcg(each, window, 5)
    )
    popular = popularity.Model.tuned(popularity.Params(), window, lambda each: evaluation.ndcg(each, window, 5))
    assert ndcg(model, window) > 1.5 * ndcg(popular, window)
    assert model.params.head["model"] > 0, "what goes together must count for something"
    refitted = Recipe.of("softmax_factorization", model.params).build().fit(histories["test"])
    assert ndcg(refitted, histories["test"]) > 1.3 * ndcg(popular.fit(histories["test"]), histories["test"])


def test_a_change_is_taken_only_where_it_gains_more_than_its_standard_error(window, monkeypatch):
    monkeypatch.setattr(ease.Model, "TRIED", {"half_life_days": (120.0,)})
    usual = np.linspace(0, 0.4, 100)

    def chosen(gains: np.ndarray) -> float:
        """The half-life, where another one gains so much for each of a hundred people."""
        return ease.Model.tuned(
            ease.Params(), window, lambda model: usual + (model.params.half_life_days == 120) * gains
        ).params.half_life_days

    assert chosen(np.full(100, 0.005)) == 120, "a little, for everybody"
    assert chosen(np.resize([0.5, -0.49], 100)) == ease.Params().half_life_days, "as much in the mean, by chance"


def test_a_history_of_single_items_is_a_clear_refusal(window):
    two = first_users(window, 2)
    one_each = replace(two, offsets=np.array([0, 1, 2]), **{name: getattr(two, name)[:2] for name in ROWS})
    with pytest.raises(steps.StepError, match="nobody touched two items"):
        softmax_factorization.Model(softmax_factorization.Params()).fit(one_each)


def test_a_diverging_loss_is_a_clear_refusal(window):
    wild = replace(window, age_days=np.full(len(window.age_days), np.nan, np.float32))
    with pytest.raises(steps.StepError, match="the loss of softmax_factorization diverged"):
        softmax_factorization.Model(softmax_factorization.Params(epochs=1)).fit(wild)


ROWS = ("item", "weight", "view_count", "cart_count", "purchase_count", "age_days", "last_event_type")


def ndcg(model, window: History) -> float:
    return judge(model, window, 5).metrics["ndcg_at_5"]


def first_users(window: History, count: int) -> History:
    """The history of the first users alone."""
    rows = window.offsets[count]
    cut = {name: getattr(window, name)[:rows] for name in ROWS}
    pairs = {name: sparse.csr_array(getattr(window, name)[:count]) for name in ("excluded", "bought")}
    return replace(window, user_keys=window.user_keys[:count], offsets=window.offsets[: count + 1], **cut, **pairs)
