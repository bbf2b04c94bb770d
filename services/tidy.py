"""Removes what the services leave behind and nobody reads any more, so that years of nights fit on one disk.

    python -m services.tidy        # the supervisor calls it once a week, and so does `make nightly` where nobody else has

Airflow's records and logs of nights, and the logs of nights by hand, are kept for 90 days, those of its reading the DAG files
for a week, since it reads them twice a minute; runs that training has given up
in MLflow (`training/tracking.py`) lose their rows; of the step times the last some years are kept. Nothing of a shop's data
is touched. The services' own logs are bound by the supervisor.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services import environment, setup
from settings import Settings, write_private
from steps import StepError

KEPT = timedelta(days=90)
EVERY = KEPT_OF_DAG_FILES = timedelta(days=7)
STEP_TIMES = 20_000  # lines: 1.6 kB a night
LOG_BYTES = 10_000_000  # of a service's log: Airflow's API server writes 25 MB a day
# what grows, with what hangs on it; not `dag`, which holds who is switched on
TABLES = "dag_run,job,log,asset_event,import_error,dag_version,callback"


def is_due(settings: Settings) -> bool:
    """Whether nobody has tidied up, or set up, for a week."""
    marks = [mark for mark in (_mark(settings), settings.data / "setup.json") if mark.exists()]
    return bool(marks) and time.time() - max(mark.stat().st_mtime for mark in marks) > EVERY.total_seconds()


def tidy(settings: Settings, now: datetime) -> str:
    """Remove what is older than `KEPT`, and say what that was.

    Raises:
        StepError: Airflow or MLflow could not (with the last lines of what it said); it is tried again.
    """
    oldest = now - KEPT
    files = remove_old_logs(environment.logs(settings), now)
    for file in settings.data.glob("*/step_times.jsonl"):
        keep_last_lines(file, STEP_TIMES)
    clean = ["db", "clean", "--clean-before-timestamp", oldest.isoformat(), "--tables", TABLES, "--skip-archive", "--yes"]
    setup.finish(setup.start("airflow", clean, environment.airflow(settings)))
    if setup.owns_mlflow(settings):
        given_up = ["gc", "--backend-store-uri", settings.mlflow_tracking_uri]
        setup.finish(setup.start("mlflow", given_up, environment.mlflow(settings)))
    _mark(settings).touch(mode=0o600)
    return f"tidy: {files} logs, and Airflow's records, of before {oldest:%Y-%m-%d} removed"


def remove_old_logs(logs: Path, now: datetime) -> int:
    """Of Airflow's tasks and DAG files and of nights by hand, and old folders that are empty then; how many files those were."""
    found = [(logs.glob("*.jsonl"), KEPT), ((logs / "airflow").rglob("*"), KEPT), ((logs / "dag_processor").rglob("*"), KEPT_OF_DAG_FILES)]
    old = [path for paths, kept in found for path in paths if path.lstat().st_mtime < (now - kept).timestamp()]
    folders = [path for path in old if path.is_dir() and not path.is_symlink()]
    files = [path for path in old if path.is_symlink() or not path.is_dir()]
    for path in files:
        path.unlink()
    for folder in sorted(folders, reverse=True):  # the inner ones first; a young one may be just about to be written into
        if not any(folder.iterdir()):
            folder.rmdir()
    return len(files)


def keep_last_lines(file: Path, count: int) -> None:
    """A line that is added at this moment may be lost: of the step times, nobody misses one in years."""
    lines = file.read_text().splitlines(keepends=True)
    if len(lines) > count:
        write_private(file, "".join(lines[-count:]))


def keep_short(file: Path, limit: int = LOG_BYTES) -> None:
    """Move a log beyond `limit` bytes to `<name>.1`, in the place of the one before.

    Its service keeps it open and goes on writing at its end, so it is copied and emptied; what comes in between is lost.
    """
    if file.exists() and file.stat().st_size > limit:
        kept = file.with_name(f"{file.name}.1")
        kept.touch(mode=0o600)
        kept.write_bytes(file.read_bytes())
        with file.open("r+b") as stream:
            stream.truncate(0)


def _mark(settings: Settings) -> Path:
    return settings.data / "tidied"


def main() -> None:
    try:
        print(tidy(Settings.from_environment(), datetime.now(UTC)))
    except (StepError, ValueError, OSError) as error:
        sys.exit(f"tidy: {error}")


if __name__ == "__main__":
    main()
