"""Where the published tables are, and a few rows of each: how `make nightly` ends.

    python -m serving_exports.show --shop shops/demo.yml                          what is current
    python -m serving_exports.show --shop shops/demo.yml --run-date 2026-05-31    the newest build of a night

Written for people: keys are shortened, and columns that do not fit are only named.
"""

import shutil
from datetime import date
from pathlib import Path
from uuid import UUID

import duckdb

import steps
from serving_exports import command, published
from serving_exports.builds import Builds
from serving_exports.report import FILE as REPORT
from serving_exports.tables import DATABASE, quoted
from serving_exports.text_table import text_table
from settings import Settings
from shop import Shop

ROWS = 3
DEFAULT_WIDTH = 140


def show(settings: Settings, shop: Shop, run_date: date | None = None, width: int = DEFAULT_WIDTH) -> str:
    """The current build, or the one of `run_date`, as text in which no row is longer than `width`.

    Raises:
        StepError: nothing is published yet, or nothing of that night.
    """
    published.current(settings, shop)  # nothing can be shown before the first publish
    builds = Builds(settings.paths(shop.name).serving)
    build_id = builds.current() if run_date is None else _build_of(builds, run_date)
    folder = builds.link if build_id == builds.current() else builds.folder(build_id)
    manifest = builds.manifest(build_id)
    with published.opened(settings, folder) as connection:
        parts = [_table(connection, name, table, width) for name, table in manifest["tables"].items() if name != "run_manifest"]
    return "\n\n".join([*parts, _summary(folder, manifest, builds.current())])


def _build_of(builds: Builds, run_date: date) -> str:
    """The current build if it is of that night, else the night's newest."""
    newest_first = [builds.current(), *reversed(builds.ids())]
    found = next((build_id for build_id in newest_first if builds.run_date(build_id) == run_date), None)
    if found is None:
        raise steps.StepError(f"there is no build of night {run_date}; run `make nightly RUN_DATE={run_date}` for one")
    return found


def _table(connection: duckdb.DuckDBPyConnection, name: str, table: dict, width: int) -> str:
    newest_first = table["key"] == ["date"]  # of days, the last ones say most
    order = ", ".join(quoted(column) + (" desc" if newest_first else "") for column in table["key"])
    answer = connection.execute(f"select * from {quoted(name)} order by {order} limit {ROWS}")
    names, rows = [column[0] for column in answer.description], answer.fetchall()
    short = [[f"{str(value)[:8]}…" if isinstance(value, UUID) else value for value in row] for row in rows]
    return f"{name}: {table['rows']:,} rows\n{text_table(names, short, width)}"


def _summary(folder: Path, manifest: dict, current: str) -> str:
    models = {model["task"]: f"{model['model_name']} {model['model_version']}" for model in manifest["models"]}
    lines = [
        f"{manifest['title']}, night {manifest['run_date']}, build {manifest['build_id']}",
        *([f"  note       consumers see another build: {current}"] if manifest["build_id"] != current else []),
        *(f"  model      {task}: {name}" for task, name in models.items()),
        *(f"  degraded   {sentence}" for sentence in manifest["degraded"]),
        f"  tables     {folder / DATABASE}",
        f"  report     {folder / REPORT}",
    ]
    return "\n".join(lines)


def main() -> None:
    width = shutil.get_terminal_size((DEFAULT_WIDTH, 40)).columns
    parser = command.arguments(__doc__)
    parser.add_argument("--run-date", type=date.fromisoformat, help="the night to show (default: what is current)")
    command.run(parser, lambda settings, shop, options: show(settings, shop, options.run_date, width))


if __name__ == "__main__":
    main()
