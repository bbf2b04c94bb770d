"""The page beside the tables: report.html, which tells an analyst what a build holds and how it came about.

One self-contained file that opens without a network, made from the build's own database and manifest and nothing else.
"""

import functools
from datetime import date
from pathlib import Path

import duckdb
import jinja2

from serving_exports import figures

FILE = "report.html"


def render(connection: duckdb.DuckDBPyConnection, manifest: dict) -> str:
    """The page's HTML.

    Args:
        connection: has the build's database attached as `serving`; a table or column that a refused build lacks is named
            in its section.
        manifest: what manifest.json will hold; the files' digests are not needed.
    """
    run_date = date.fromisoformat(manifest["run_date"])
    sections = {
        "kpis": figures.section(figures.kpis, connection, run_date),
        "recommendations": figures.section(figures.recommendations, connection),
        "people": figures.section(figures.people, connection),
        "targets": figures.section(figures.targets, connection),
    }
    failures = [check for check in manifest["audit"]["checks"] if not check["passed"]]
    return _environment(manifest["currency"]).get_template("report.html.jinja").render(
        manifest=manifest,
        run_date=run_date,
        tasks=_by_task(manifest["models"]),
        failures=failures,
        described={name: _descriptions(table) for name, table in manifest["tables"].items()},
        **sections,
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
    environment.filters.update(words=words, number=number, percent=percent)
    environment.filters["form"] = lambda value, form: in_form(value, form, currency)
    environment.filters["day"] = lambda value: f"{value:%a} {value.day} {value:%b %Y}"
    return environment


def _descriptions(table: dict) -> dict[str, str]:
    return {column["name"]: column["description"] for column in table["columns"]}


def _by_task(models: list[dict]) -> list[dict]:
    """The models of run_manifest, one entry per task with all its metrics."""
    tasks: dict[str, dict] = {}
    for model in models:
        task = tasks.setdefault(model["task"], model | {"metrics": []})
        task["metrics"].append(model)
    return list(tasks.values())


def words(name: object) -> str:
    """The name of a column or value as prose: `view_to_cart_rate` gives 'View to cart rate'."""
    text = str(name).replace("_", " ")
    return text[:1].upper() + text[1:]


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"


def in_form(value: float | None, form: str, currency: str) -> str:
    """A KPI's value with its unit; `form` is count, money or share."""
    if form == "share":
        return percent(value)
    small = value is not None and abs(value) < 100 and value != int(value)
    return number(value, 1 if small else 0) + (f" {currency}" if form == "money" and value is not None else "")
