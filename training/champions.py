"""Which recipe is in force on a night, and whether another takes its place: rules without MLflow.

Each promoted version remembers the one it replaced, so the chain that starts at the alias says who was champion on any
earlier night. A night that is run again meets the champion it met the first time, and decides the same.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from training.bootstrap import interval_of_mean
from training.recipes import KNOW_NOBODY, Recipe
from training.versions import Version

MOST_ALIKE = 0.95  # of the users with one and the same list; a model that knows somebody is far below


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
        candidate: place of the winner among the night's candidates; None where nobody is left to be one.
        moves: whether the alias moves to it.
        sentence: what was compared, and why the alias moves or not.
        evidence: the figures behind it.
    """

    candidate: int | None
    moves: bool
    sentence: str
    evidence: dict[str, Any]


def decide(night: dict[str, Any], gains: np.ndarray) -> Decision:
    """Champion or challenger, by what the night's training recorded.

    Without a champion among the candidates, since there was none, its model does not fit the catalogue any more, or its fit
    diverged or is degenerate, the best moves in. A degenerate candidate never wins.

    Args:
        night: what `training.train` writes: metric, higher_is_better, and candidates with recipe, validation and test
            metrics and is_champion.
        gains: (candidates, units) deciding metric of each on the test window, higher is better, the same units for all.
    """
    candidates, metric = night["candidates"], night["metric"]
    sign = 1 if night["higher_is_better"] else -1
    order = sorted(
        (place for place, each in enumerate(candidates) if each["is_candidate"] and not flaw(each)),
        key=lambda place: (-sign * candidates[place]["validation"][metric], place),
    )
    champion = next((place for place, each in enumerate(candidates) if each["is_champion"] and not flaw(each)), None)
    refused = _refused(candidates)
    if not order:
        return _nobody(night, champion, refused)
    challenger = order[0]
    if champion is None:
        return _first(night, order, gains.shape[1], refused)
    if champion == challenger:
        sentence = f"{candidates[champion]['model']} stays: the best recipe tonight is the champion's own{refused}"
        return Decision(champion, False, sentence, {})
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
        f"{'beyond' if moves else 'not beyond'} chance{refused}"
    )
    return Decision(challenger if moves else champion, moves, sentence, evidence)


def flaw(candidate: dict[str, Any]) -> str | None:
    """Why a candidate is degenerate, whatever its metric says; None where it is not, or is meant to know nobody."""
    if candidate["model"] in KNOW_NOBODY:
        return None
    alike = candidate["test"].get("same_list_share", 0.0)
    if alike >= MOST_ALIKE:
        return f"gives {alike:.0%} of the users the same list"
    if candidate["test"].get("prediction_spread") == 0:
        return "predicts the same for everybody"
    return None


def _refused(candidates: list[dict[str, Any]]) -> str:
    """The end of a sentence that names every degenerate candidate; empty where there is none."""
    flaws = [f"{each['model']} {flaw(each)}" for each in candidates if flaw(each)]
    return f"; refused: {', '.join(flaws)}" if flaws else ""


def _nobody(night: dict[str, Any], champion: int | None, refused: str) -> Decision:
    """No sound candidate is left: nothing moves."""
    if champion is None:
        left = "no recipe is fit to be champion tonight"
    else:
        left = f"{night['candidates'][champion]['model']} stays: no other fit is sound tonight"
    return Decision(champion, False, f"{left}{refused}", {})


def _first(night: dict[str, Any], order: list[int], units: int, refused: str) -> Decision:
    candidates, metric = night["candidates"], night["metric"]
    best = candidates[order[0]]
    others = ", ".join(f"{candidates[place]['model']} {candidates[place]['validation'][metric]:.4f}" for place in order[1:])
    role = f"follows a champion that {_lost(night)}" if night["champion_before"] else "is the first champion"
    sentence = (
        f"{best['model']} {role}: {metric} {best['validation'][metric]:.4f} on labels after "
        f"{night['cutoffs']['validation']}, against {others or 'no other'}{refused}"
    )
    return Decision(order[0], True, sentence, {"units": units})


def _lost(night: dict[str, Any]) -> str:
    """Why the champion before is not compared."""
    if any(each["is_champion"] for each in night["candidates"]):
        return "is degenerate"
    return "diverged" if night.get("champion_diverged") else "does not fit any more"


def _named(candidate: dict[str, Any], metric: str) -> str:
    return f"{candidate['model']} ({metric} {candidate['test'][metric]:.4f})"


def same_recipe(candidate: dict[str, Any], recipe: Recipe) -> bool:
    return candidate["model"] == recipe.model and candidate["params"] == recipe.params
