"""Which recipe is in force on a night, and whether another takes its place: rules without MLflow.

Each promoted version remembers the one it replaced, so the chain that starts at the alias says who was champion on any
earlier night. A night that is run again meets the champion it met the first time, and decides the same.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from training.bootstrap import interval_of_mean
from training.recipes import Recipe
from training.tracking import Version


def before(versions: dict[int, Version], alias: int | None, run_date: date) -> Version | None:
    """The champion that the night of `run_date` challenges: the one in force before that night."""
    version = versions.get(alias) if alias else None
    while version and version.run_date >= run_date:
        version = versions.get(version.replaces) if version.replaces else None
    return version


def in_force(versions: dict[int, Version], alias: int | None, run_date: date) -> Version | None:
    """The version that scores the night of `run_date`: the alias, unless the night is older than it."""
    current = versions.get(alias) if alias else None
    if current and current.run_date <= run_date:
        return current
    own = [version for version in versions.values() if version.run_date == run_date]
    return max(own, key=lambda version: version.number) if own else before(versions, alias, run_date)


@dataclass(frozen=True)
class Decision:
    """What a night's comparison means.

    Args:
        candidate: place of the winner among the night's candidates.
        moves: whether the alias moves to it.
        sentence: what was compared, and why the alias moves or not.
        evidence: the figures behind it.
    """

    candidate: int
    moves: bool
    sentence: str
    evidence: dict[str, Any]


def decide(night: dict[str, Any], gains: np.ndarray) -> Decision:
    """Champion or challenger, by what the night's training recorded.

    Without a champion among the candidates, since there was none or its model does not fit the catalogue any more, the best moves in.

    Args:
        night: what `training.train` writes: metric, higher_is_better, and candidates with recipe, validation and test
            metrics and is_champion.
        gains: (candidates, units) deciding metric of each on the test window, higher is better, the same units for all.
    """
    candidates, metric = night["candidates"], night["metric"]
    sign = 1 if night["higher_is_better"] else -1
    order = sorted(
        (place for place, each in enumerate(candidates) if each["is_candidate"]),
        key=lambda place: (-sign * candidates[place]["validation"][metric], place),
    )
    challenger = order[0]
    champion = next((place for place, each in enumerate(candidates) if each["is_champion"]), None)
    if champion is None:
        return _first(night, order, gains.shape[1])
    if champion == challenger:
        return Decision(champion, False, f"{candidates[champion]['model']} stays: the best recipe tonight is the champion's own", {})
    differences = gains[challenger] - gains[champion]
    low, high = interval_of_mean(differences)
    moves = low > 0
    evidence = {
        "challenger": candidates[challenger]["model"],
        "champion": candidates[champion]["model"],
        "difference": round(float(differences.mean()), 6),
        "interval_low": round(low, 6),
        "interval_high": round(high, 6),
        "units": int(gains.shape[1]),
    }
    sentence = (
        f"{_named(candidates[challenger], metric)} {'replaces' if moves else 'does not replace'} {_named(candidates[champion], metric)}: "
        f"on labels after {night['cutoffs']['test']} it gains {evidence['difference']:+.4f} "
        f"(95 % interval {low:+.4f} to {high:+.4f}, {gains.shape[1]} users), "
        f"{'beyond' if moves else 'not beyond'} chance"
    )
    return Decision(challenger if moves else champion, moves, sentence, evidence)


def _first(night: dict[str, Any], order: list[int], units: int) -> Decision:
    candidates, metric = night["candidates"], night["metric"]
    best = candidates[order[0]]
    others = ", ".join(f"{candidates[place]['model']} {candidates[place]['validation'][metric]:.4f}" for place in order[1:])
    role = "follows a champion that does not fit any more" if night["champion_before"] else "is the first champion"
    sentence = (
        f"{best['model']} {role}: {metric} {best['validation'][metric]:.4f} on labels after "
        f"{night['cutoffs']['validation']}, against {others or 'no other'}"
    )
    return Decision(order[0], True, sentence, {"units": units})


def _named(candidate: dict[str, Any], metric: str) -> str:
    return f"{candidate['model']} ({metric} {candidate['test'][metric]:.4f})"


def same_recipe(candidate: dict[str, Any], recipe: Recipe) -> bool:
    return candidate["model"] == recipe.model and candidate["params"] == recipe.params
