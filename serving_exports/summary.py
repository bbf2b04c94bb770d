"""The night in plain words: the first thing that the report says, and what a screen reader reads of it."""

from datetime import date

from serving_exports.figures import Recommendations, Target
from serving_exports.formats import counted, day, number, percent, words


def sentences(manifest: dict, recommendations: Recommendations | None, targets: list[Target] | None) -> list[str]:
    """What came in, what was decided, what the tables hold, what was missing: one sentence each."""
    told = [_intake(manifest["intake"]["night"], date.fromisoformat(manifest["run_date"]))]
    told += manifest["intake"]["warnings"]
    models = {model["task"]: model for model in manifest["models"]}.values()
    told += [_model(model) for model in models]
    told += [calibration(model) for model in models if is_uncalibrated(model)]
    if recommendations:
        told.append(_spread(recommendations))
    told += [
        f"About {number(target.mean * target.people)} of {number(target.people)} are expected to {_deed(target)} in the next"
        f" {target.horizon_days} days."
        for target in targets or []
        if target.mean is not None
    ]
    told.append(_degraded(manifest["degraded"]))
    return told


def is_uncalibrated(model: dict) -> bool:
    """Whether a champion's chances were further off, on the days compared, than chance alone explains."""
    return model["calibration_error"] is not None and model["calibration_error"] > model["calibration_error_limit"]


def calibration(model: dict) -> str:
    """How far a champion's chances were off; empty where it predicts none, or was not judged tonight."""
    error, limit = model["calibration_error"], model["calibration_error_limit"]
    if error is None:
        return ""
    place = "more than" if is_uncalibrated(model) else "within"
    return (
        f"{words(model['task'])}: on the days compared its chances were {percent(error, 2)} off (expected calibration error), {place} the"
        f" {percent(limit, 2)} that an exact model on as many people stays below, 19 times of 20."
    )


def _intake(night: dict, run_date: date) -> str:
    return (
        f"On {day(run_date)} {counted(night['files'], 'file')} brought {counted(night['read'], 'record')}: "
        f"{number(night['landed'])} landed, {number(night['quarantined'])} were refused, {number(night['duplicate'])} had come before; "
        f"{counted(night['late_event'], 'event line')} of an earlier day than the delivery’s."
    )


def _model(model: dict) -> str:
    return f"{words(model['task'])}: {model['decision'] or 'scored by ' + model['model_name']}."


def _spread(recommendations: Recommendations) -> str:
    own = next((bar.share for bar in recommendations.by_level if bar.label == "0"), 0.0)
    of_all = ""
    if recommendations.recommendable:
        of_all = f", {percent(recommendations.items / recommendations.recommendable, 0)} of those that may be"
    return (
        f"{counted(recommendations.people, 'person is', 'people are')} recommended {number(recommendations.items)} different items"
        f"{of_all}; {percent(own, 0)} of the places come from the model itself."
    )


def _deed(target: Target) -> str:
    return target.name.split("_")[0]


def _degraded(degraded: list[str]) -> str:
    return f"Switched off: {'; '.join(degraded)}." if degraded else "Nothing was switched off."
