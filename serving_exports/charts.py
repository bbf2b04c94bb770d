"""The report's charts as Vega-Lite specifications, each with its figures as a table for who does not see it.

Colours are the page's CSS variables: Vega draws SVG, so a chart follows the page into the dark and onto paper. Texts that a
pointer shows are made here, so that a browser in another zone says the same day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from serving_exports import formats

ACCENT, QUIET, SOFT, INK = "var(--accent)", "var(--quiet)", "var(--soft)", "var(--ink)"
BAR_STEP = 22  # pixels from bar to bar
HEIGHT = 120
LETTER = 7  # pixels of one, at most


@dataclass(frozen=True)
class Chart:
    """One chart.

    Args:
        title: what is shown, with its unit.
        spec: Vega-Lite, without the configuration that all charts share.
        names, rows: the same figures as text, with a head.
    """

    title: str
    spec: dict
    names: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Bar:
    """One labelled count and its share of all (0–1)."""

    label: str
    count: int
    share: float


def shares(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Bars in the order given."""
    total = sum(count for _, count in counts)
    return [Bar(label, count, count / total if total else 0.0) for label, count in counts]


def daily(title: str, unit: str, currency: str, days: Sequence[tuple[date, float | None]], weekly: Sequence[float | None]) -> Chart:
    """A daily series from 0 up, with the strong line of its weeks."""
    rows = [
        {"date": day.isoformat(), "value": value, "week": mean, "told": f"{formats.day(day)}: {formats.in_unit(value, unit, currency)}"}
        for (day, value), mean in zip(days, weekly, strict=True)
    ]
    x = {"field": "date", "type": "temporal", "timeUnit": "utcyearmonthdate", "title": None, "axis": {"format": "%-d %b", "tickCount": 4}}
    axis = {"format": ".1%" if unit == "share" else "~s", "tickCount": 3}
    tooltip = {"field": "told", "type": "nominal"}

    def layer(mark: dict, field: str) -> dict:
        y = {"field": field, "type": "quantitative", "title": None, "axis": axis, "scale": {"zero": True}}
        return {"mark": mark, "encoding": {"x": x, "y": y, "tooltip": tooltip}}

    layers = [
        layer({"type": "area", "color": SOFT}, "week"),
        layer({"type": "line", "color": ACCENT, "strokeWidth": 1, "opacity": 0.5}, "value"),
        layer({"type": "line", "color": ACCENT, "strokeWidth": 2.2}, "week"),
        layer({"type": "point", "color": ACCENT, "size": 60, "opacity": 0}, "value"),  # what the pointer finds
    ]
    last_weeks = [(formats.day(day), formats.in_unit(mean, unit, currency)) for (day, _), mean in zip(days, weekly, strict=True)][::-7][
        ::-1
    ]
    return Chart(title, _sized(rows, layers), ("seven days to", title), last_weeks)


def bars(title: str, counted: Sequence[Bar], what: str = "rows") -> Chart:
    """Counts by label, in the order given, each with its number beside it."""
    rows = [
        {"label": formats.words(bar.label), "count": bar.count, "told": f"{bar.count:,} ({formats.percent(bar.share)})"} for bar in counted
    ]
    y = {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 150, "ticks": False, "domain": False}}
    x = _with_numbers_behind("count", rows)
    layers = [
        {"mark": {"type": "bar", "color": ACCENT, "cornerRadiusEnd": 3, "height": 12}, "encoding": {"x": x, "y": y}},
        {
            "mark": {"type": "text", "align": "left", "dx": 5, "color": INK},
            "encoding": {"x": x, "y": y, "text": {"field": "told", "type": "nominal"}},
        },
    ]
    spec = _sized(rows, layers) | {"height": BAR_STEP * len(rows)}
    return Chart(
        title,
        spec,
        ("", what, "share"),
        [(row["label"], f"{bar.count:,}", formats.percent(bar.share)) for row, bar in zip(rows, counted, strict=True)],
    )


def histogram(title: str, bins: Sequence[tuple[float, float, int]]) -> Chart:
    """People by probability; each bin has its bounds (0–1) and its count."""
    rows = [
        {"low": low, "high": high, "count": count, "told": f"{formats.percent(low, 0)} to {formats.percent(high, 0)}: {count:,} people"}
        for low, high, count in bins
    ]
    encoding = {
        "x": {
            "field": "low",
            "type": "quantitative",
            "bin": "binned",
            "title": "probability",
            "axis": {"format": ".0%", "tickCount": 5, "values": [0, 0.25, 0.5, 0.75, 1]},
            "scale": {"domain": [0, 1]},
        },
        "x2": {"field": "high"},
        "y": {"field": "count", "type": "quantitative", "title": "people", "axis": {"tickCount": 3}},
        "tooltip": {"field": "told", "type": "nominal"},
    }
    layers = [{"mark": {"type": "bar", "color": ACCENT, "binSpacing": 1}, "encoding": encoding}]
    filled = [(f"{formats.percent(low, 0)} to {formats.percent(high, 0)}", f"{count:,}") for low, high, count in bins if count]
    return Chart(title, _sized(rows, layers), ("probability", "people"), filled)


def outcomes(title: str, deciles: Sequence[tuple[int, int, float, float, float, float]]) -> Chart:
    """What was predicted beside what happened.

    Args:
        deciles: number, people, mean probability, realised rate, and the bounds that chance alone keeps it between.
    """
    rows = [
        {"decile": decile, "predicted": mean, "happened": rate, "low": low, "high": high,
         "told": f"tenth {decile}, {people:,} people: predicted {formats.percent(mean)}, happened {formats.percent(rate)}"}
        for decile, people, mean, rate, low, high in deciles
    ]  # fmt: skip
    x = {"field": "decile", "type": "ordinal", "title": "tenth of the people, 10 is the likeliest", "axis": {"labelAngle": 0}}
    tooltip = {"field": "told", "type": "nominal"}

    def y(field: str) -> dict:
        return {"field": field, "type": "quantitative", "title": None, "axis": {"format": ".0%", "tickCount": 4}}

    layers = [
        {
            "mark": {"type": "bar", "color": SOFT, "width": 14},
            "encoding": {"x": x, "y": y("low"), "y2": {"field": "high"}, "tooltip": tooltip},
        },
        {
            "mark": {"type": "tick", "color": QUIET, "thickness": 2, "width": 16},
            "encoding": {"x": x, "y": y("predicted"), "tooltip": tooltip},
        },
        {
            "mark": {"type": "point", "filled": True, "color": ACCENT, "size": 55},
            "encoding": {"x": x, "y": y("happened"), "tooltip": tooltip},
        },
    ]
    names = ("tenth", "people", "predicted", "happened", "chance alone")
    texts = [
        (str(decile), f"{people:,}", formats.percent(mean), formats.percent(rate), f"{formats.percent(low)} to {formats.percent(high)}")
        for decile, people, mean, rate, low, high in deciles
    ]
    return Chart(title, _sized(rows, layers), names, texts)


def nights(title: str, measured: Sequence[tuple[date, str, float, float | None]]) -> Chart:
    """A model's measure over the nights, and its baseline's; each night with its model."""
    rows = [
        {"date": night.isoformat(), "chosen": value, "baseline": baseline,
         "told": f"{formats.day(night)}: {model} {value:.4f}, baseline {formats.number(baseline, 4)}"}
        for night, model, value, baseline in measured
    ]  # fmt: skip
    x = {"field": "date", "type": "temporal", "timeUnit": "utcyearmonthdate", "title": None, "axis": {"format": "%-d %b", "tickCount": 4}}

    def layer(field: str, colour: str, dash: list[int]) -> dict:
        y = {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": {"tickCount": 4}}
        mark = {"type": "line", "color": colour, "strokeDash": dash, "point": {"color": colour, "size": 30}}
        return {"mark": mark, "encoding": {"x": x, "y": y, "tooltip": {"field": "told", "type": "nominal"}}}

    layers = [layer("baseline", QUIET, [4, 3]), layer("chosen", ACCENT, [1, 0])]
    texts = [(formats.day(night), model, f"{value:.4f}", formats.number(baseline, 4)) for night, model, value, baseline in measured]
    return Chart(title, _sized(rows, layers), ("night", "model", "chosen", "baseline"), texts)


def seconds(title: str, steps: Sequence[dict]) -> Chart:
    """How long each step took, in the order given; with its peak memory in the table."""
    rows = [{"step": step["step"], "seconds": step["seconds"], "told": f"{step['seconds']:,.1f} s"} for step in steps]
    y = {"field": "step", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 150, "ticks": False, "domain": False}}
    x = _with_numbers_behind("seconds", rows)
    text = {"field": "told", "type": "nominal"}
    layers = [
        {"mark": {"type": "bar", "color": ACCENT, "cornerRadiusEnd": 3, "height": 12}, "encoding": {"x": x, "y": y}},
        {"mark": {"type": "text", "align": "left", "dx": 5, "color": INK}, "encoding": {"x": x, "y": y, "text": text}},
    ]
    told = [(step["step"], f"{step['seconds']:,.1f} s", f"{step['peak_bytes'] / 1e6:,.0f} MB") for step in steps]
    return Chart(title, _sized(rows, layers) | {"height": BAR_STEP * len(rows)}, ("step", "time", "peak memory"), told)


def _with_numbers_behind(field: str, rows: list[dict]) -> dict:
    """The lengths of bars that leave room for what each is told by, in pixels: a share of the width is too little on a phone."""
    room = LETTER * max((len(row["told"]) for row in rows), default=0) + 10
    scale = {"domain": [0, max((row[field] for row in rows), default=0) or 1], "range": [0, {"expr": f"max(10, width - {room})"}]}
    return {"field": field, "type": "quantitative", "title": None, "axis": None, "scale": scale}


def _sized(rows: list[dict], layers: list[dict]) -> dict:
    autosize = {"type": "fit-x", "contains": "padding"}
    return {"width": "container", "height": HEIGHT, "autosize": autosize, "data": {"values": rows}, "layer": layers}
