"""What the report says of the nights before: it travels from manifest to manifest, since builds are pruned."""

from datetime import date

NIGHTS = 90


def carried(before: dict | None, run_date: date) -> list[dict]:
    """The entries of the nights before `run_date`, the oldest first: those that the manifest `before` carries, and its own."""
    if before is None:
        return []
    entries = [*before.get("history", []), entry(before)]
    return [past for past in entries if past["run_date"] < run_date.isoformat()][-NIGHTS:]


def entry(manifest: dict) -> dict:
    """What later nights are to know of this one: by task and measure the model, its value and its baseline's."""
    measured = [
        {name: model[name] for name in ("task", "metric", "model_name", "value", "baseline_value")}
        for model in manifest["models"]
        if model["value"] is not None
    ]
    return {"run_date": manifest["run_date"], "build_id": manifest["build_id"], "models": measured}


def of_measure(manifest: dict, task: str, metric: str) -> list[tuple[date, str, float, float | None]]:
    """Night by night, this one last: the model, its value and its baseline's."""
    nights = [*manifest["history"], entry(manifest)]
    return [
        (date.fromisoformat(night["run_date"]), model["model_name"], model["value"], model["baseline_value"])
        for night in nights
        for model in night["models"]
        if (model["task"], model["metric"]) == (task, metric)
    ]
