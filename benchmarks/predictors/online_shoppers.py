"""UCI Online Shoppers: the Keras predictor beside tuned gradient boosting and logistic regression, by stratified five-fold.

Within the training rows of a fold, a fifth is held out to choose parameters (the number of epochs; of trees, and the sizes in
TREES_TRIED; the penalty), then the model is fitted to all of them; preprocessing is fitted anew each time, on those rows alone.
Nobody sees a fold's test rows before its predictions are made, and no rows are oversampled. One thread each.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from settings import PROJECT_ROOT
from training.bootstrap import interval_of_mean
from training.features import Features
from training.models import gradient_boosting, logistic_regression, tabular_network
from training.models.predictor import Predictor
from training.probability_metrics import auc, log_losses

FILE = PROJECT_ROOT.parent / "shared" / "data" / "online_shoppers_intention.csv"
FOLDS, SEED = 5, 7
MOST_AUC_BELOW, MOST_LOSS_ABOVE = 0.002, 0.003
WORDS = ("Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend")  # four of them are numbered kinds
TREES_TRIED = [
    {"leaves": leaves, "learning_rate": rate, "least_rows_in_leaf": least}
    for leaves, rate, least in product((8, 15), (0.05, 0.1), (20, 40))
]
MODELS = {
    "tabular_network": (tabular_network.Model, [tabular_network.Params(batch_rows=256, pieces=16)]),
    "gradient_boosting": (gradient_boosting.Model, [replace(gradient_boosting.Params(), **each) for each in TREES_TRIED]),
    "logistic_regression": (logistic_regression.Model, [logistic_regression.Params()]),
}
Part = tuple[Features, np.ndarray]


@dataclass(frozen=True)
class Standing:
    """One model over all test rows; the seconds are of all folds.

    Args:
        seconds: to fit with the parameters chosen and to predict.
        tuning_seconds: to choose them.
        losses: per fold.
    """

    model: str
    auc: float
    log_loss: float
    seconds: float
    tuning_seconds: float
    losses: list[float]


def sessions(file: Path) -> Part:
    """Features of each session and whether it ended in a purchase."""
    rows = duckdb.sql(f"select * from read_csv('{file}', delim = ';', header = true, all_varchar = true)").fetchnumpy()
    outcome = (np.asarray(rows.pop("Revenue"), dtype=str) == "TRUE").astype(float)
    numbers = tuple(name for name in rows if name not in WORDS)
    numeric = np.column_stack([rows[name].astype(float) for name in numbers])
    return Features(numbers, numeric, WORDS, np.column_stack([np.asarray(rows[name], dtype=str) for name in WORDS])), outcome


def folds(outcome: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(to learn from, to choose parameters by, to be judged on) as places of rows."""
    for rest, test in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(np.zeros(len(outcome)), outcome):
        learned, validation = train_test_split(rest, test_size=0.2, stratify=outcome[rest], random_state=SEED)
        yield learned, validation, test


def chosen(name: str, learned: Part, validation: Part) -> Predictor:
    """The fit with the smallest log loss on the validation rows."""
    kind, tried = MODELS[name]
    fits = [kind.tuned(params, learned, validation) for params in tried]
    return min(fits, key=lambda model: log_losses(validation[1], model.predict(validation[0])).mean())


def predicted(name: str, data: Part, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[Standing, np.ndarray]:
    """How the model stands over the test rows of these folds, and its log loss per row."""
    features, outcome = data
    probability = np.full(len(outcome), np.nan)
    seconds, tuning_seconds = 0.0, 0.0
    for learned, validation, test in parts:
        began = time.monotonic()
        params = chosen(name, *((features.take(rows), outcome[rows]) for rows in (learned, validation))).params
        tuned_at = time.monotonic()
        rest = np.concatenate([learned, validation])
        probability[test] = MODELS[name][0](params).fit(features.take(rest), outcome[rest]).predict(features.take(test))
        tuning_seconds, seconds = tuning_seconds + tuned_at - began, seconds + time.monotonic() - tuned_at
        print(f"{name}: a fold of {len(test)}, {params}", file=sys.stderr)
    judged = np.flatnonzero(np.isfinite(probability))
    losses = np.full(len(outcome), np.nan)
    losses[judged] = log_losses(outcome[judged], probability[judged])
    by_fold = [round(float(losses[test].mean()), 4) for _, _, test in parts]
    ranked, loss = auc(outcome[judged], probability[judged]), float(losses[judged].mean())
    return Standing(name, round(ranked, 4), round(loss, 4), round(seconds, 1), round(tuning_seconds, 1), by_fold), losses[judged]


def compared(is_quick: bool) -> dict[str, Any]:
    """Every model's standing over the test rows (of the first fold only, if quick), printed, and the faults."""
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}  # read when Keras is first imported
    data = sessions(FILE)
    parts = list(folds(data[1]))[: 1 if is_quick else FOLDS]
    found = {name: predicted(name, data, parts) for name in MODELS}
    print(f"\n{'Online Shoppers':<22}{'AUC':>8}{'log loss':>10}{'fit, s':>9}{'tuning, s':>11}   log loss by fold")
    for standing, _ in found.values():
        print(
            f"{standing.model:<22}{standing.auc:>8.4f}{standing.log_loss:>10.4f}{standing.seconds:>9.1f}{standing.tuning_seconds:>11.1f}   "
            + " ".join(f"{loss:.4f}" for loss in standing.losses)
        )
    (ours, our_losses), (theirs, their_losses) = found["tabular_network"], found["gradient_boosting"]
    low, high = interval_of_mean(their_losses - our_losses)
    gain = float((their_losses - our_losses).mean())
    print(f"tabular_network gains {gain:+.4f} of log loss over gradient_boosting (95 % interval over sessions {low:+.4f} to {high:+.4f})")
    limits = {
        f"Online Shoppers: AUC {ours.auc} is more than {MOST_AUC_BELOW} below {theirs.auc}": ours.auc >= theirs.auc - MOST_AUC_BELOW,
        f"Online Shoppers: log loss {ours.log_loss} is more than {MOST_LOSS_ABOVE} above {theirs.log_loss}": (
            ours.log_loss <= theirs.log_loss + MOST_LOSS_ABOVE
        ),
    }
    return {
        "models": [asdict(standing) for standing, _ in found.values()],
        "gain": round(gain, 5),
        "interval": [round(low, 5), round(high, 5)],
        "faults": [fault for fault, is_met in limits.items() if not is_met],
    }
