"""CDNOW: how often each of 23,570 customers buys in the last 39 weeks, from the first 39, beside BG/NBD.

BG/NBD knows the first 39 weeks only. Ours learn from four fifths of the customers what comes of the first 39 weeks, and are judged on the
fifth that is left; so that the level that they see there is no advantage, BG/NBD's expectations also stand multiplied by the one
number that makes the total of the same four fifths right.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
from sklearn.model_selection import KFold, train_test_split

from benchmarks.baselines import bg_nbd
from settings import PROJECT_ROOT
from training import calibration, value_metrics
from training.features import Features
from training.models import value_boosting, value_network

FILE = PROJECT_ROOT.parent / "shared" / "data" / "cdnow.parquet"
KNOWN_UNTIL = date(1997, 9, 30)  # the 39th week, as in the paper
WEEKS_AHEAD = 39.0
FOLDS, SEED = 5, 7
PUBLISHED = bg_nbd.Parameters(r=0.243, alpha=4.414, a=0.793, b=2.426)  # of a tenth of the customers: Fader, Hardie and Lee, table 2
OURS = {"value_boosting": value_boosting, "value_network": value_network}


@dataclass(frozen=True)
class Customers:
    """What is known of each after the first 39 weeks, in weeks; and purchases on different days of the last 39."""

    repeats: np.ndarray
    last: np.ndarray
    known: np.ndarray
    features: Features
    later: np.ndarray

    def take(self, rows: np.ndarray) -> "Customers":
        return Customers(self.repeats[rows], self.last[rows], self.known[rows], self.features.take(rows), self.later[rows])


def customers() -> Customers:
    rows = duckdb.sql(
        f"""
        with days as (
            select customer_id, strptime(date::varchar, '%Y%m%d')::date as day, sum(number_of_cds) as cds, sum(dollar_value) as amount,
                day <= date '{KNOWN_UNTIL}' as is_known
            from read_parquet('{FILE}') group by all
        )
        select
            count(*) filter (is_known) - 1 as repeats,
            (max(day) filter (is_known) - min(day)) / 7.0 as last,
            (date '{KNOWN_UNTIL}' - min(day)) / 7.0 as known,
            count(*) filter (not is_known) as later,
            sum(cds) filter (is_known) as cds,
            cast(sum(amount) filter (is_known) as double) as amount,
            count(*) filter (is_known and day > date '{KNOWN_UNTIL}' - 28) as of_4_weeks,
            count(*) filter (is_known and day > date '{KNOWN_UNTIL}' - 91) as of_13_weeks,
            count(*) filter (is_known and day > date '{KNOWN_UNTIL}' - 182) as of_26_weeks
        from days group by customer_id order by customer_id
        """
    ).fetchnumpy()
    columns = {name: np.asarray(values, float) for name, values in rows.items()}
    later = columns.pop("later")
    columns["silent"] = columns["known"] - columns["last"]
    gap = np.divide(columns["last"], columns["repeats"], out=np.full(len(later), np.nan), where=columns["repeats"] > 0)
    columns["silent_against_gap"] = columns["silent"] / gap
    names = tuple(columns)
    features = Features(names, np.column_stack([columns[name] for name in names]), (), np.empty((len(later), 0), "U1"))
    return Customers(columns["repeats"], columns["last"], columns["known"], features, later)


def expected(everybody: Customers, is_quick: bool) -> tuple[dict[str, np.ndarray], dict[str, float], np.ndarray]:
    """Each contender's expectations of the rows judged, the seconds it took, and the rows."""
    parameters = bg_nbd.fit(everybody.repeats, everybody.last, everybody.known)
    plain = bg_nbd.expected(parameters, everybody.repeats, everybody.last, everybody.known, WEEKS_AHEAD)
    found = {"BG/NBD": plain, "BG/NBD, rescaled": np.full(len(plain), np.nan), **{name: np.full(len(plain), np.nan) for name in OURS}}
    seconds = dict.fromkeys(OURS, 0.0)
    for rest, test in list(KFold(FOLDS, shuffle=True, random_state=SEED).split(plain))[: 1 if is_quick else FOLDS]:
        found["BG/NBD, rescaled"][test] = plain[test] * everybody.later[rest].sum() / plain[rest].sum()
        for name, module in OURS.items():
            began = time.monotonic()
            found[name][test] = _fold(module, everybody.take(rest), everybody.features.take(test))
            seconds[name] += time.monotonic() - began
    return found, seconds, np.flatnonzero(np.isfinite(found["BG/NBD, rescaled"]))


def _fold(module: ModuleType, rest: Customers, test: Features) -> np.ndarray:
    """Parameters by a fifth of the rest, a fit on four fifths, calibrated on the fifth."""
    teachers, held_out = train_test_split(np.arange(len(rest.later)), test_size=0.2, random_state=SEED)
    learned, watched = rest.take(teachers), rest.take(held_out)
    model = module.Model.tuned(module.Params(), (learned.features, learned.later), (watched.features, watched.later))
    return calibration.fit_amounts(watched.later, model.predict(watched.features)).apply(model.predict(test))


def tenths(everybody: Customers) -> Iterator[bg_nbd.Parameters]:
    """BG/NBD fitted to each tenth of the customers: the published parameters are of such a tenth."""
    for first in range(10):
        part = slice(first, None, 10)
        yield bg_nbd.fit(everybody.repeats[part], everybody.last[part], everybody.known[part])


def standing(later: np.ndarray, found: np.ndarray) -> dict[str, float]:
    return {
        "poisson_deviance": round(float(value_metrics.poisson_deviances(later, found).mean()), 4),
        "root_mean_squared_error": round(value_metrics.root_mean_squared_error(later, found), 4),
        "total_bias": round(value_metrics.total_bias(later, found), 4),
    }


def compared(is_quick: bool) -> dict[str, Any]:
    """Every contender's standing (on the first fold only, if quick), printed, and the faults."""
    everybody = customers()
    found, seconds, rows = expected(everybody, is_quick)
    standings = {name: standing(everybody.later[rows], values[rows]) for name, values in found.items()}
    print(f"\n{'CDNOW':<22}{'deviance':>10}{'RMSE':>8}{'bias':>9}{'seconds':>9}   {len(rows)} customers")
    for name, each in standings.items():
        figures = f"{each['poisson_deviance']:>10.4f}{each['root_mean_squared_error']:>8.4f}{each['total_bias']:>+9.4f}"
        print(f"{name:<22}{figures}{seconds.get(name, 0):>9.1f}")
    fits = [asdict(each) for each in tenths(everybody)]
    ranges = {name: (min(fit[name] for fit in fits), max(fit[name] for fit in fits)) for name in fits[0]}
    published = asdict(PUBLISHED)
    print(
        "BG/NBD of ten tenths: "
        + ", ".join(f"{name} {low:.3f} to {high:.3f}, published {published[name]}" for name, (low, high) in ranges.items())
    )
    best = min(standings[name]["poisson_deviance"] for name in OURS)
    limits = {
        f"CDNOW: the published {name} {published[name]} is outside {low:.3f} to {high:.3f}": low <= published[name] <= high
        for name, (low, high) in ranges.items()
    }
    theirs = standings["BG/NBD, rescaled"]["poisson_deviance"]
    limits[f"CDNOW: Poisson deviance {best} is not below {theirs} of BG/NBD"] = best < theirs
    return {"standings": standings, "ranges": ranges, "faults": [fault for fault, is_met in limits.items() if not is_met]}
