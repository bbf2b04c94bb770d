"""The pictures on the MLflow runs. Figures are drawn without pyplot: no window, no state shared between them."""

from typing import Any

import numpy as np

from training import probability_metrics


def _axes(title: str, xlabel: str, ylabel: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    return figure, axes


def reliability(title: str, chances: np.ndarray) -> Any:
    """Predicted against realised share by tenth of the users; `chances` is (rows, 2) outcome and probability."""
    figure, axes = _axes(title, "predicted probability", "realised share")
    means, rates, _ = probability_metrics.reliability(chances[:, 0], chances[:, 1])
    band = probability_metrics.calibration_band(chances[:, 1])
    top = max(means.max(), rates.max(), band.high.max()) * 1.1
    axes.fill_between(means, band.low, band.high, color="grey", alpha=0.2, label="where chance alone keeps it (95 %)")
    axes.plot([0, top], [0, top], color="grey", linestyle="--", label="perfectly calibrated")
    axes.plot(means, rates, "o-", label="each tenth of the users")
    axes.legend()
    return figure


def losses(title: str, values: list[float]) -> Any:
    """Training loss by epoch."""
    figure, axes = _axes(title, "epoch", "training loss")
    axes.plot(range(1, len(values) + 1), values, marker="o")
    return figure


def by_depth(title: str, metrics: dict[str, float]) -> Any:
    """A line for each metric whose name ends in `_at_` and the length of the list."""
    figure, axes = _axes(title, "length of the list", "mean over users")
    named = [(name.rsplit("_at_", 1), value) for name, value in metrics.items() if "_at_" in name]
    for metric in dict.fromkeys(metric for (metric, _), _ in named):
        points = sorted((int(depth), value) for (each, depth), value in named if each == metric and depth.isdigit())
        axes.plot(*zip(*points, strict=True), marker="o", label=metric)
    axes.legend()
    return figure


def comparison(title: str, metric: str, values: dict[str, float]) -> Any:
    """One bar per candidate."""
    figure, axes = _axes(title, metric, "")
    names = list(values)[::-1]
    bars = axes.barh(names, [values[name] for name in names])
    axes.bar_label(bars, fmt="%.4f", padding=3)
    axes.margins(x=0.15)
    return figure


def importance(title: str, values: dict[str, float]) -> Any:
    """One bar per feature in words: by how much it moves predictions on average."""
    figure, axes = _axes(title, "mean absolute Shapley value", "")
    figure.set_size_inches(9, 5)
    axes.barh(list(values)[::-1], list(values.values())[::-1])
    return figure
