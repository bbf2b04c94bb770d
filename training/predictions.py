"""A prediction task such as `purchase_7d`: the chance that a user answers a target's question with yes.

Every fit is calibrated on a snapshot of its own, newer than those it learned from; `training/splits.py` says which.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import numpy as np

from training import arrays, calibration, drift, fingerprint, probability_metrics, snapshots, splits
from training.calibration import Calibrator
from training.features import Features
from training.judgement import Judgement
from training.models.predictor import Predictor
from training.recipes import PREDICTORS, Recipe
from training.snapshots import Snapshots
from training.targets import Target


class CalibratedPredictor:
    """A predictor and the curve that its probabilities are published through."""

    def __init__(self, predictor: Predictor, calibrator: Calibrator) -> None:
        self.predictor, self.calibrator = predictor, calibrator

    @property
    def params(self) -> Any:
        return self.predictor.params

    @property
    def losses(self) -> list[float]:
        return getattr(self.predictor, "losses", [])

    def predict(self, features: Features) -> np.ndarray:
        """(rows,) calibrated probabilities."""
        return self.calibrator.apply(self.predictor.predict(features))

    def save(self, folder: Path) -> None:
        arrays.save(
            folder / "calibration.npz", marks=self.calibrator.marks, levels=self.calibrator.levels, drift=np.array(self.calibrator.drift)
        )
        self.predictor.save(folder)

    @classmethod
    def load(cls, recipe: Recipe, folder: Path) -> "CalibratedPredictor":
        predictor = recipe.model_class.load(recipe.model_params, folder)
        stored = arrays.load(folder / "calibration.npz")
        return cls(predictor, Calibrator(stored["marks"], stored["levels"], float(stored["drift"])))


class PredictionTask:
    """The snapshots of a target and what fits on them are worth; the smallest log loss decides."""

    models = PREDICTORS
    skipped: ClassVar[dict[str, str]] = {}  # every model fits every size
    metric = "log_loss"
    higher_is_better = False

    def __init__(self, target: Target, data: Snapshots, run_date: date) -> None:
        self.target, self.data, self.run_date = target, data, run_date

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection, target: Target, run_date: date) -> "PredictionTask":
        return cls(target, snapshots.load(connection, target), run_date)

    @property
    def cutoffs(self) -> dict[str, date]:
        days = splits.cutoffs(self.data.labelled_dates, self.run_date, self.target.horizon_days)
        return {"score": self.run_date} | (dict(zip(("validation", "test"), days, strict=True)) if days else {})

    def digest(self) -> str:
        """Hash of everything that was read."""
        data = self.data
        return fingerprint.of_arrays(
            {
                "user_keys": data.user_keys,
                "as_of": data.as_of,
                "names": np.array(data.features.names, dtype=str),
                "numeric": data.features.numeric,
                "categorical": data.features.categorical,
                "outcome": data.outcome,
            }
        )

    def shortfall(self) -> str | None:
        """Why the models cannot be compared tonight; None where they can."""
        if "validation" not in self.cutoffs:
            days = len(self.data.labelled_dates)
            return f"{days} past snapshots have their answers by now: too few to train, calibrate, validate and test apart"
        judged_on = [self._one_class_of([self.cutoffs[cutoff]]) for cutoff in ("validation", "test")]
        return self._shortfall_at("validation") or self._shortfall_at("test") or next(filter(None, judged_on), None)

    def shortfall_of_score(self) -> str | None:
        """Why no probability can be given tonight; None where it can."""
        return self._shortfall_at("score")

    def _shortfall_at(self, cutoff: str) -> str | None:
        split = self._split(cutoff)
        if split is None:
            return "too few past snapshots have their answers by now to train and calibrate apart"
        positives = int(self.data.on(split.training).outcome.sum())
        if positives < self.target.fewest_positives:
            return f"only {positives} positive answers to learn from by {self.cutoffs[cutoff]}; {self.target.fewest_positives} are needed"
        return self._one_class_of(split.training) or self._one_class_of(split.calibration)

    def _one_class_of(self, days: list[date]) -> str | None:
        outcome = self.data.on(days).outcome
        return None if 0 < outcome.sum() < len(outcome) else f"all answers of {days[0]} … {days[-1]} are the same"

    def _split(self, cutoff: str) -> splits.Split | None:
        return splits.split(self.data.labelled_dates, self.cutoffs[cutoff], self.target.horizon_days)

    def tuned(self, recipe: Recipe) -> tuple[Recipe, CalibratedPredictor]:
        """The recipe with the parameters that do best on the validation snapshot, and its fit there."""
        split, validation = self._split("validation"), self.data.on([self.cutoffs["validation"]])
        training = self.data.on(split.training)
        predictor = recipe.model_class.tuned(
            recipe.model_params, (training.features, training.outcome), (validation.features, validation.outcome)
        )
        return Recipe.of(recipe.model, predictor.params), self._calibrated(predictor, split, "validation")

    def fitted(self, recipe: Recipe, cutoff: str) -> CalibratedPredictor:
        split = self._split(cutoff)
        training = self.data.on(split.training)
        return self._calibrated(recipe.build().fit(training.features, training.outcome), split, cutoff)

    def _calibrated(self, predictor: Predictor, split: splits.Split, cutoff: str) -> CalibratedPredictor:
        held_out = self.data.on(split.calibration)
        calibrator = calibration.fit(held_out.outcome, predictor.predict(held_out.features))
        return CalibratedPredictor(predictor, replace(calibrator, drift=self._drift(cutoff)))

    def _drift(self, cutoff: str) -> float:
        day = self.cutoffs[cutoff]
        known = splits.known_by(self.data.labelled_dates, day, self.target.horizon_days)
        outcomes = [self.data.on([each]).outcome for each in known]
        return drift.shift(known, np.array([each.sum() for each in outcomes]), np.array([len(each) for each in outcomes]), day)

    def judged(self, model: CalibratedPredictor, cutoff: str) -> Judgement:
        window = self.data.on([self.cutoffs[cutoff]])
        judgement = judge(window.user_keys, window.outcome, model.predict(window.features))
        return replace(judgement, metrics=judgement.metrics | {"drift_log_odds": round(model.calibrator.drift, 6)})


def judge(users: np.ndarray, outcome: np.ndarray, probability: np.ndarray) -> Judgement:
    """Log loss, AUC, Brier score and expected calibration error of (rows,) probabilities.

    `calibration_error_limit` is what the error of a perfectly calibrated model on as many rows stays below, 19 times of 20.
    """
    losses = probability_metrics.log_losses(outcome, probability)
    metrics = {
        "log_loss": losses.mean(),
        "auc": probability_metrics.auc(outcome, probability),
        "brier_score": probability_metrics.brier_score(outcome, probability),
        "expected_calibration_error": probability_metrics.expected_calibration_error(outcome, probability),
        "calibration_error_limit": probability_metrics.calibration_band(probability).error_limit,
        "positive_rate": outcome.mean(),
        "mean_probability": probability.mean(),
    }
    return Judgement(
        metrics={name: round(float(value), 6) for name, value in metrics.items()},
        units=users,
        gains=-losses,
        chances=np.column_stack([outcome, probability]),
    )
