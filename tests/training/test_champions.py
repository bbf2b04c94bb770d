"""When the alias moves, and whom a night challenges."""

from datetime import date

import numpy as np
import pytest

from training import champions
from training.recipes import Recipe
from training.tracking import Version

USERS = 400


def candidate(model: str, validation: float, test: float, is_candidate: bool = True, is_champion: bool = False) -> dict:
    return {
        "model": model,
        "params": {},
        "validation": {"ndcg_at_10": validation, "log_loss": validation},
        "test": {"ndcg_at_10": test, "log_loss": test},
        "is_candidate": is_candidate,
        "is_champion": is_champion,
        "is_baseline": model in ("popularity", "item_knn"),
    }


def night(*candidates: dict, metric: str = "ndcg_at_10", champion_before: int | None = None) -> dict:
    cutoffs = {"validation": "2026-03-03", "test": "2026-03-17", "score": "2026-03-31"}
    return {
        "metric": metric,
        "higher_is_better": metric != "log_loss",
        "cutoffs": cutoffs,
        "champion_before": champion_before,
        "candidates": list(candidates),
    }


def gains(*means: float, noise: float = 0.2) -> np.ndarray:
    """(candidates, users) with these means and noise of their own."""
    drawn = np.random.default_rng(1).normal(0, noise, (len(means), USERS))
    return drawn - drawn.mean(axis=1, keepdims=True) + np.array(means)[:, None]


def test_the_first_night_promotes_the_best_by_validation_even_if_it_is_popularity():
    decision = champions.decide(night(candidate("popularity", 0.3, 0.1), candidate("item_knn", 0.2, 0.4)), gains(0.1, 0.4))
    assert (decision.candidate, decision.moves) == (0, True)
    assert decision.sentence.startswith("popularity is the first champion: ndcg_at_10 0.3000 on labels after 2026-03-03, against item_knn")


def test_without_the_champion_among_the_candidates_the_best_follows_it():
    tonight = night(candidate("popularity", 0.1, 0.4), candidate("item_knn", 0.2, 0.1), champion_before=3)
    decision = champions.decide(tonight, gains(0.4, 0.1))
    assert (decision.candidate, decision.moves) == (1, True)
    assert decision.sentence.startswith("item_knn follows a champion that does not fit any more")


def test_a_small_log_loss_is_better_than_a_large_one():
    tonight = night(candidate("base_rate", 0.4, 0.4), candidate("logistic_regression", 0.3, 0.3), metric="log_loss")
    assert champions.decide(tonight, gains(-0.4, -0.3)).candidate == 1


def test_a_win_beyond_the_interval_moves_the_alias():
    tonight = night(candidate("popularity", 0.2, 0.2, is_champion=True), candidate("item_knn", 0.3, 0.3))
    decision = champions.decide(tonight, gains(0.2, 0.3))
    assert (decision.candidate, decision.moves) == (1, True)
    assert decision.evidence["difference"] == pytest.approx(0.1)
    assert decision.evidence["interval_low"] > 0
    assert "item_knn (ndcg_at_10 0.3000) replaces popularity (ndcg_at_10 0.2000)" in decision.sentence


def test_a_win_within_the_interval_does_not_move_it():
    tonight = night(candidate("popularity", 0.2, 0.2, is_champion=True), candidate("item_knn", 0.3, 0.201))
    decision = champions.decide(tonight, gains(0.2, 0.201))
    assert (decision.candidate, decision.moves) == (0, False)
    assert "does not replace" in decision.sentence
    assert "not beyond chance" in decision.sentence


def test_an_exact_tie_does_not_move_it():
    same = np.tile(gains(0.2), (2, 1))
    tonight = night(candidate("popularity", 0.2, 0.2, is_champion=True), candidate("item_knn", 0.3, 0.2))
    assert not champions.decide(tonight, same).moves


def test_a_challenger_that_is_better_only_on_validation_does_not_move_it():
    tonight = night(candidate("popularity", 0.2, 0.3, is_champion=True), candidate("item_knn", 0.9, 0.1))
    assert champions.decide(tonight, gains(0.3, 0.1)).candidate == 0


def test_the_champions_own_recipe_is_no_challenger():
    tonight = night(candidate("popularity", 0.2, 0.2), candidate("item_knn", 0.3, 0.3, is_champion=True))
    decision = champions.decide(tonight, gains(0.2, 0.3))
    assert (decision.candidate, decision.moves) == (1, False)
    assert decision.sentence == "item_knn stays: the best recipe tonight is the champion's own"


def degenerate(candidate: dict, **figures: float) -> dict:
    return {**candidate, "test": candidate["test"] | figures}


def test_a_model_that_gives_all_the_same_list_never_wins_however_good_its_metric():
    alike = degenerate(candidate("spectral", 0.9, 0.9), same_list_share=0.97)
    sound = degenerate(candidate("item_knn", 0.3, 0.3), same_list_share=0.1)
    tonight = night(candidate("popularity", 0.1, 0.1, is_champion=True), alike, sound, champion_before=1)
    decision = champions.decide(tonight, gains(0.1, 0.9, 0.3))
    assert (decision.candidate, decision.moves) == (2, True)
    assert decision.sentence.endswith("beyond chance; refused: spectral gives 97% of the users the same list")


def test_a_model_that_predicts_one_probability_for_all_never_wins():
    flat = degenerate(candidate("tabular_network", 0.1, 0.1), prediction_spread=0.0)
    base = degenerate(candidate("base_rate", 0.4, 0.4), prediction_spread=0.0)
    decision = champions.decide(night(flat, base, metric="log_loss"), gains(-0.1, -0.4))
    assert (decision.candidate, decision.moves) == (1, True)
    assert decision.sentence.startswith("base_rate is the first champion"), "it knows nobody, and is meant to"
    assert decision.sentence.endswith("refused: tabular_network predicts the same for everybody")


def test_a_degenerate_champion_is_followed_by_the_best_sound_candidate():
    flat = degenerate(candidate("spectral", 0.9, 0.9, is_champion=True), same_list_share=1.0)
    decision = champions.decide(night(flat, candidate("popularity", 0.1, 0.1), champion_before=4), gains(0.9, 0.1))
    assert (decision.candidate, decision.moves) == (1, True)
    assert decision.sentence.startswith("popularity follows a champion that is degenerate: ")


def test_a_champion_that_diverged_is_followed_by_the_best_candidate():
    tonight = night(candidate("popularity", 0.1, 0.1), champion_before=4) | {"champion_diverged": True}
    assert champions.decide(tonight, gains(0.1)).sentence.startswith("popularity follows a champion that diverged: ")


def test_where_no_candidate_is_sound_nothing_moves():
    flat = degenerate(candidate("spectral", 0.9, 0.9), same_list_share=1.0)
    decision = champions.decide(night(flat), gains(0.9))
    assert (decision.candidate, decision.moves) == (None, False)
    assert decision.sentence == "no recipe is fit to be champion tonight; refused: spectral gives 100% of the users the same list"
    old = {**candidate("item_knn", 0, 0.2, is_candidate=False, is_champion=True), "validation": None}
    kept = champions.decide(night(flat, old, champion_before=2), gains(0.9, 0.2))
    assert (kept.candidate, kept.moves) == (1, False)
    assert kept.sentence.startswith("item_knn stays: no other fit is sound tonight; refused: spectral")


def test_an_old_champion_beside_the_candidates_is_challenged_but_never_a_challenger():
    old = {**candidate("item_knn", 0.9, 0.2, is_candidate=False, is_champion=True), "validation": None}
    decision = champions.decide(night(candidate("popularity", 0.1, 0.1), candidate("item_knn", 0.3, 0.4), old), gains(0.1, 0.4, 0.2))
    assert (decision.candidate, decision.moves) == (1, True)


def version(number: int, day: int, replaces: int | None) -> Version:
    return Version(number, Recipe("popularity", {"half_life_days": number}), date(2026, 3, day), replaces, "run")


CHAIN = {1: version(1, 10, None), 2: version(2, 15, 1), 3: version(3, 20, 2)}


@pytest.mark.parametrize(
    ("day", "challenged", "scores"),
    [(25, 3, 3), (20, 2, 3), (19, 2, 2), (15, 1, 2), (12, 1, 1), (10, None, 1), (9, None, None)],
)
def test_each_night_meets_the_champion_of_its_day(day, challenged, scores):
    before = champions.before(CHAIN, 3, date(2026, 3, day))
    in_force = champions.in_force(CHAIN, 3, date(2026, 3, day))
    assert (before and before.number, in_force and in_force.number) == (challenged, scores)


def test_an_alias_that_somebody_moved_back_is_respected():
    assert champions.before(CHAIN, 1, date(2026, 3, 25)).number == 1
    assert champions.in_force(CHAIN, 1, date(2026, 3, 25)).number == 1


def test_a_replayed_night_uses_what_it_promoted_itself():
    versions = {**CHAIN, 4: version(4, 12, 1)}
    assert champions.in_force(versions, 3, date(2026, 3, 12)).number == 4
    assert champions.in_force(versions, 3, date(2026, 3, 14)).number == 1


def test_without_a_registered_model_nobody_is_champion():
    assert champions.before({}, None, date(2026, 3, 1)) is None
    assert champions.in_force({}, None, date(2026, 3, 1)) is None
