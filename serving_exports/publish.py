"""Publish a night: copy its tables out of the warehouse into a new build, audit them, and flip `serving/current` to it.

    python -m serving_exports.publish --shop shops/demo.yml --run-date 2026-06-30

A build is written under a name that nobody reads, and takes its place only when it is whole and on the disk; the flip is
one step. So a publish that is killed anywhere leaves the old build served, and the next one finishes the work.
"""

import logging
import time
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

import disk_space
import steps
import warehouse
from faults import fault_point
from serving_exports import audit, flips, history, manifest, report, tables, vega
from serving_exports.builds import KEEP_BUILDS, Builds
from settings import Settings
from shop import Shop

log = logging.getLogger("publish")

FIRST = 0.1  # of the warehouse: the demo's build has 0.07 of it
GROWTH = 2  # times the build before: a build may be twice as large, or spill


def publish(settings: Settings, shop: Shop, run_date: date, keep: int = KEEP_BUILDS, despite_volume: bool = False) -> str:
    """Publish the serving tables of `run_date` under the shop's lock and return the summary line.

    Args:
        keep: builds.
        despite_volume: also a day that is missing or far too small; the manifest says so.

    Raises:
        StepError: the lock is held, the warehouse holds no serving tables of that night, or the audit refused them;
            `serving/current` is then what it was.
    """
    started = time.monotonic()
    with warehouse.lock(settings, shop, "publish"):
        builds = Builds(settings.paths(shop.name).serving)
        builds.remove_leftovers()
        flips.complete_log(builds)
        build_id, is_new = _build(settings, shop, run_date, builds, despite_volume)
        outcome = _make_current(builds, build_id, run_date, is_new)
        removed = builds.prune(keep, {build_id, builds.current(), flips.previous(builds)}, datetime.now(UTC))
    made = _describe(builds, build_id) if is_new else "nothing new to write"
    swept = f"; {len(removed)} old builds removed" if removed else ""
    return f"publish {shop.name} {run_date}: build {build_id}, {made}, {time.monotonic() - started:.1f} s; {outcome}{swept}"


def _build(settings: Settings, shop: Shop, run_date: date, builds: Builds, despite_volume: bool) -> tuple[str, bool]:
    """Write the build the warehouse holds unless it is there; returns its id and whether it was written now."""
    with warehouse.reader(settings, shop, run_date) as connection:
        run = manifest.read_run(connection)
        build_id = run["build_id"]
        if (run["shop"], run["run_date"]) != (shop.name, run_date):
            raise steps.StepError(
                f"the warehouse holds the serving tables of {run['shop']} {run['run_date']}, not of {shop.name} {run_date}:"
                f" run `python -m warehouse build serving --run-date {run_date}` first"
            )
        if builds.folder(build_id).exists():
            return build_id, False
        if flips.was_current(builds, build_id):
            raise steps.StepError(f"build {build_id} was published and is gone: run `python -m warehouse build serving` for a new one")
        served = builds.current()
        last = disk_space.size(builds.folder(served)) if served else disk_space.size(warehouse.path(settings, shop, run_date)) * FIRST
        disk_space.require("publish", builds.root.parent, GROWTH * last)
        partial = builds.begin(build_id)
        connection.execute(f"set temp_directory = {tables.literal(partial.with_suffix('.spill.partial'))}")
        fault_point("publish.begun")
        content = _write(connection, settings, shop, run, builds, partial, despite_volume)
    if not content["audit"]["passed"]:
        raise _refusal(builds, partial, content)
    builds.finish(partial)
    fault_point("publish.renamed")
    return build_id, True


def _write(
    connection: duckdb.DuckDBPyConnection, settings: Settings, shop: Shop, run: dict, builds: Builds, partial: Path, despite_volume: bool
) -> dict:
    """Write everything a build holds into `partial` and return its manifest, which tells whether the audit passed."""
    run_date, served = run["run_date"], builds.current()
    published = warehouse.serving_tables(settings, shop, run_date)
    tables.write(connection, settings, published, partial, shop.segments.min_people)
    log.info("wrote %d tables", len(published))
    with tables.attached(connection, settings, partial):
        written = [audit.read_back(connection, table) for table in published]
        checks = audit.run(connection, written, None if settings.encryption_key else partial, run_date, shop, despite_volume)
        log.info("audit: %d of %d checks passed", sum(check.passed for check in checks), len(checks))
        fault_point("publish.audited")
        past = history.carried(builds.manifest(served) if served else None, run_date)
        content = manifest.compose(shop, run, written, checks, past, tables.storage_version(settings))
        page = report.render(connection, content, vega.script(settings.cache), steps.times(settings, shop, run_date))
        (partial / report.FILE).write_text(page, encoding="utf-8")
    fault_point("publish.reported")
    manifest.write(content, partial)
    return content


def _refusal(builds: Builds, partial: Path, content: dict) -> steps.StepError:
    refused = builds.refuse(partial)
    failures = [check for check in content["audit"]["checks"] if not check["passed"]]
    lines = "\n".join(f"  not so: {check['name']} ({check['detail']})" for check in failures)
    kept = builds.current() or "nothing"
    return steps.StepError(f"the audit refused build {content['build_id']}; current stays {kept}; see {refused / report.FILE}\n{lines}")


def _make_current(builds: Builds, build_id: str, run_date: date, is_new: bool) -> str:
    """Flip to the build, unless it is or was current, or the current one is of a later night; says which."""
    current = builds.current()
    if build_id == current:
        return "it is current already"
    if flips.was_current(builds, build_id):
        return f"it was current before {current} was chosen: `python -m serving_exports.rollback --to {build_id}` brings it back"
    if current is not None and run_date < builds.run_date(current):
        return f"kept as a build, not made current: {current} is of the later night {builds.run_date(current)}"
    if not is_new:
        builds.verify(build_id)
    flips.flip(builds, build_id, "publish")
    return "now current"


def _describe(builds: Builds, build_id: str) -> str:
    content = builds.manifest(build_id)
    rows = sum(table["rows"] for table in content["tables"].values())
    size = sum(file["bytes"] for file in content["files"].values())
    checks = len(content["audit"]["checks"])
    return f"{len(content['tables'])} tables, {rows:,} rows, {size / 1e6:.1f} MB, {checks} checks passed"


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("--keep", type=int, default=KEEP_BUILDS, help="builds to keep, and all of the last 48 hours (default: %(default)s)")
    parser.add_argument("--despite-volume", action="store_true", help="publish a day that is missing or far smaller than its weekday")
    steps.run(parser, lambda settings, shop, run_date, options: publish(settings, shop, run_date, options.keep, options.despite_volume))


if __name__ == "__main__":
    main()
