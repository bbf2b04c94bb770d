"""A prediction task such as `purchase_7d`: what a target asks, about everybody it asks about.

Every fit is calibrated on people whom it has not learned from; `training/splits.py` says who and which days.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import numpy as np

from targets import Target
from training import arrays, divergence, fingerprint, sequences, snapshots, splits
from training.calibration import Calibrator
from training.features import Features
from training.judgement import Judgement
from training.models.predictor import Predictor
from training.objectives import OBJECTIVES
from training.recipes import PREDICTORS, STEP_READERS, Recipe
from training.shortfall import Shortfall
from training.snapshots import Snapshots


class CalibratedPredictor:
    """A predictor and the curve that what it says is published through."""

    def __init__(self, predictor: Predictor, calibrator: Calibrator) -> None:
        self.predictor, self.calibrator = predictor, calibrator

    @property
    def params(self) -> Any:
        return self.predictor.params

    @property
    def losses(self) -> list[float]:
        return getattr(self.predictor, "losses", [])

    def predict(self, features: Features) -> np.ndarray:
        """(rows,) calibrated probabilities or amounts."""
        predicted = self.calibrator.apply(self.predictor.predict(features))
        divergence.refuse("a prediction", predicted)
        return predicted

    def save(self, folder: Path) -> None:
        arrays.save(folder / "calibration.npz", **{name: np.asarray(value) for name, value in vars(self.calibrator).items()})
        self.predictor.save(folder)

    @classmethod
    def load(cls, recipe: Recipe, folder: Path) -> "CalibratedPredictor":
        predictor = recipe.model_class.load(recipe.model_params, folder)
        stored = arrays.load(folder / "calibration.npz")
        return cls(predictor, Calibrator(stored["marks"], stored["levels"], float(stored["drift"]), bool(stored["is_amount"])))


class PredictionTask:
    """The snapshots of a target and what fits on them are worth; the smallest loss decides.

    Args:
        most_days: past days that a fit learns from.
    """

    skipped: ClassVar[dict[str, str]] = {}  # every model fits every size
    higher_is_better = False

    def __init__(self, target: Target, data: Snapshots, run_date: date, most_days: int) -> None:
        self.target, self.data, self.run_date, self.most_days = target, data, run_date, most_days
        self.objective = OBJECTIVES[target.kind]
        self.metric = self.objective.metric
        self.models = target.models or PREDICTORS[target.kind]
        self.fold = splits.folds(data.user_keys)

    @classmethod
    def load(cls, connection: duckdb.DuckDBPyConnection, target: Target, run_date: date, most_days: int) -> "PredictionTask":
        data = snapshots.load(connection, target)
        if set(target.models) & set(STEP_READERS):
            steps = sequences.load(connection, data.user_keys, data.as_of)
            data = replace(data, features=replace(data.features, steps=steps))
        return cls(target, data, run_date, most_days)

    def can_fit(self, model: str) -> bool:
        """Whether all that a model reads was read."""
        return model not in STEP_READERS or self.data.features.steps is not None

    @property
    def cutoffs(self) -> dict[str, date]:
        """The days after which fits are judged or used; at validation it is people held out of the test's fits who judge."""
        test = splits.test_day(self.data.labelled_dates, self.run_date, self.target.horizon_days)
        return {"score": self.run_date} | ({"test": test, "validation": self._split_at(test).learning[-1]} if test else {})

    def digest(self) -> str:
        """Hash of everything that was read, and of what is asked."""
        data = self.data
        read = fingerprint.of_arrays(
            {
                "user_keys": data.user_keys,
                "as_of": data.as_of,
                "names": np.array(data.features.names, dtype=str),
                "numeric": data.features.numeric,
                "categorical": data.features.categorical,
                "outcome": data.outcome,
                **(vars(data.features.steps) if data.features.steps else {}),
            }
        )
        return fingerprint.of_values(read=read, target=self.target.model_dump(), most_days=self.most_days)

    def shortfall(self) -> Shortfall | None:
        """Why the models cannot be compared tonight; None where they can."""
        if "test" not in self.cutoffs:
            return Shortfall(
                "too_short_history",
                f"{len(self.data.labelled_dates)} past snapshots have their answers by now: none ends before the newest begins",
            )
        return self._shortfall_at("test") or self._all_alike(self._window("test").outcome)

    def shortfall_of_score(self) -> Shortfall | None:
        """Why nothing can be predicted tonight; None where it can."""
        return self._shortfall_at("score")

    def _shortfall_at(self, cutoff: str) -> Shortfall | None:
        split = self._split_at(self.cutoffs[cutoff])
        if split is None:
            return Shortfall("too_short_history", "no past snapshot has its answers by now")
        known, day = self._on(split.learning), self.cutoffs[cutoff]
        positives, people = int((self.data.outcome[known] > 0).sum()), len(np.unique(self.data.user_keys[known]))
        if positives < self.target.fewest_positives:
            return Shortfall(
                "too_few_positives",
                f"only {positives} positive answers to learn from by {day}; {self.target.fewest_positives} are needed",
            )
        if people < self.target.fewest_people:
            return Shortfall("too_few_people", f"only {people} people to learn from by {day}; {self.target.fewest_people} are needed")
        parts = [self.data.outcome[self._is_known(cutoff, part)] for part in (splits.TEACH, splits.CHOOSE, splits.CALIBRATE)]
        return next(filter(None, map(self._all_alike, parts)), None)

    def _all_alike(self, outcome: np.ndarray) -> Shortfall | None:
        if len(np.unique(outcome)) > 1:
            return None
        return Shortfall("answers_all_alike", f"all {len(outcome)} answers of one part of the people are the same")

    def _split_at(self, day: date) -> splits.Split | None:
        return splits.split(self.data.labelled_dates, day, self.target.horizon_days, self.most_days)

    def _window(self, cutoff: str) -> Snapshots:
        return self.data.on([self.cutoffs[cutoff]])

    def _known(self, cutoff: str, people: tuple[int, ...]) -> Snapshots:
        """Rows that a fit at a cut-off knows, of the people of some folds."""
        return self.data.where(self._is_known(cutoff, people))

    def _is_known(self, cutoff: str, people: tuple[int, ...]) -> np.ndarray:
        split = self._split_at(self.cutoffs[cutoff])
        return np.isin(self.fold, people) & self._on(split.calibration if people == splits.CALIBRATE else split.learning)

    def _on(self, days: list[date]) -> np.ndarray:
        return np.isin(self.data.as_of, np.array(days, dtype="datetime64[D]"))

    def tuned(self, recipe: Recipe) -> tuple[Recipe, CalibratedPredictor]:
        """The recipe with the parameters that do best on the people who choose, and its fit without them."""
        teachers, choosers = self._known("test", splits.TEACH), self._known("test", splits.CHOOSE)
        predictor = recipe.model_class.tuned(
            recipe.model_params, (teachers.features, teachers.outcome), (choosers.features, choosers.outcome)
        )
        return Recipe.of(recipe.model, predictor.params), self._calibrated(predictor, "test")

    def fitted(self, recipe: Recipe, cutoff: str) -> CalibratedPredictor:
        teachers = self._known(cutoff, splits.TEACH + splits.CHOOSE)
        return self._calibrated(recipe.build().fit(teachers.features, teachers.outcome), cutoff)

    def _calibrated(self, predictor: Predictor, cutoff: str) -> CalibratedPredictor:
        held_out = self._known(cutoff, splits.CALIBRATE)
        said = predictor.predict(held_out.features)
        divergence.refuse("a prediction", said)
        calibrator = self.objective.calibrated(held_out.outcome, said)
        return CalibratedPredictor(predictor, replace(calibrator, drift=self._drift(cutoff)))

    def _drift(self, cutoff: str) -> float:
        if self.objective.trend is None:
            return 0.0
        day = self.cutoffs[cutoff]
        known = splits.known_by(self.data.labelled_dates, day, self.target.horizon_days)
        outcomes = [self.data.on([each]).outcome for each in known]
        counts = np.array([each.sum() for each in outcomes]), np.array([len(each) for each in outcomes])
        return self.objective.trend(known, *counts, self._split_at(day).calibration, day)

    def judged(self, model: CalibratedPredictor, cutoff: str) -> Judgement:
        window = self._known("test", splits.CHOOSE) if cutoff == "validation" else self._window(cutoff)
        judgement = self.objective.judge(window.user_keys, window.outcome, model.predict(window.features))
        return replace(judgement, metrics=judgement.metrics | {"drift_log_odds": round(model.calibrator.drift, 6)})
