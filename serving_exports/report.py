"""The page beside the tables: report.html, which tells an analyst what a build holds and how it came about.

One self-contained file that opens without a network, made from the build's own database and manifest and nothing else. Its
content policy lets a browser run the scripts that were put into it here, known by their hashes, and load nothing.
"""

import base64
import functools
import hashlib
import itertools
import json
from datetime import date
from pathlib import Path

import duckdb
import jinja2
from markupsafe import Markup

from serving_exports import charts, figures, formats, history, kpis, summary, vega

FILE = "report.html"


def render(connection: duckdb.DuckDBPyConnection, manifest: dict, script: str, steps: list[dict]) -> str:
    """The page's HTML.

    Args:
        connection: has the build's database attached as `serving`; a table or column that a refused build lacks is named
            in its section.
        manifest: what manifest.json will hold; the files' digests are not needed.
        script: Vega-Lite, as `vega.script` gives it.
        steps: what `steps.times` tells of the night's steps so far.
    """
    run_date, currency = date.fromisoformat(manifest["run_date"]), manifest["currency"]
    recommendations = figures.section(figures.recommendations, connection)
    targets = figures.section(figures.targets, connection)
    return _environment(currency).get_template("report.html.jinja").render(
        manifest=manifest,
        run_date=run_date,
        tasks=_by_task(manifest),
        failures=[check for check in manifest["audit"]["checks"] if not check["passed"]],
        summary=summary.sentences(manifest, recommendations.content, targets.content),
        kpis=figures.section(kpis.kpis, connection, run_date, currency),
        funnel=figures.section(kpis.funnel, connection, run_date),
        recommendations=recommendations,
        top_items=figures.section(figures.top_items, connection),
        people=figures.section(figures.people, connection),
        targets=targets,
        steps=steps,
        times=charts.seconds("Seconds of each step of the night", steps) if steps else None,
        next_number=itertools.count(1).__next__,
        described={name: _descriptions(table) for name, table in manifest["tables"].items()},
        scripts=[Markup(text) for text in (script, vega.DRAW)],
        hashes=[_hash(text) for text in (script, vega.DRAW)],
    )  # fmt: skip


@functools.cache
def _environment(currency: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,  # a figure that was renamed is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words=formats.words, number=formats.number, percent=formats.percent, day=formats.day, data_block=_data_block)
    environment.filters["in_unit"] = lambda value, unit: formats.in_unit(value, unit, currency)
    return environment


def _descriptions(table: dict) -> dict[str, str]:
    return {column["name"]: column["description"] for column in table["columns"]}


def _data_block(content: object) -> Markup:
    """JSON that may stand in a script element: nothing in it can close it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _by_task(manifest: dict) -> list[dict]:
    """The models of run_manifest, one entry per task with all its metrics, and each metric over the nights."""
    tasks: dict[str, dict] = {}
    for model in manifest["models"]:
        told = {"calibration": summary.calibration(model), "is_uncalibrated": summary.is_uncalibrated(model)}
        task = tasks.setdefault(model["task"], model | told | {"metrics": [], "charts": []})
        task["metrics"].append(model)
        nights = history.of_measure(manifest, model["task"], model["metric"])
        if len(nights) > 1:
            title = f"{model['metric']} night by night: chosen (line), baseline (dashes)"
            task["charts"].append(charts.nights(title, nights))
    return list(tasks.values())
