"""Whether MLflow answers: asked once at the beginning of a step, with little patience, so that a night loses seconds and no more."""

import http.client
import logging
import os
import sqlite3
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

from settings import Settings

log = logging.getLogger("training")

FIRST_SECONDS, AGAIN_SECONDS = 5, 2  # how long an answer is waited for; the second, where the last step was given none either
REMEMBERED_SECONDS = 60  # for so long nobody asks again


def is_away(settings: Settings) -> bool:
    """Whether MLflow's store does not answer; that it did not is noted in `data/mlflow_away` for the next steps."""
    noted = settings.data / "mlflow_away"
    is_noted = noted.exists()
    if is_noted and time.time() - noted.stat().st_mtime < REMEMBERED_SECONDS:
        return True
    if answers(settings.mlflow_tracking_uri, AGAIN_SECONDS if is_noted else FIRST_SECONDS):
        noted.unlink(missing_ok=True)
        return False
    settings.data.mkdir(parents=True, exist_ok=True)
    noted.touch()
    os.utime(noted)
    log.warning("MLflow is away: what is measured waits in %s, and the champion stays", settings.mlflow_spool)
    return True


def answers(uri: str, seconds: float) -> bool:
    """Whether a server, or an SQLite file, can be read; other databases are taken to answer."""
    if uri.startswith(("http://", "https://")):
        return _server_answers(uri, seconds)
    if uri.startswith("sqlite:///"):
        return _file_answers(Path(uri.removeprefix("sqlite:///").partition("?")[0]), seconds)
    return True


def _server_answers(uri: str, seconds: float) -> bool:
    try:
        with urllib.request.urlopen(f"{_without_login(uri)}/health", timeout=seconds):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500  # it is there, if only to ask who wants to know
    except (OSError, http.client.HTTPException):  # refused, unknown, timed out, or no server of pages
        return False


def _without_login(uri: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")


def _file_answers(file: Path, seconds: float) -> bool:
    if not file.exists():
        return True  # it is made on first use
    try:
        # not read-only: a writer that was killed leaves its journal, and whoever opens the file next has to roll it back
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=seconds)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.DatabaseError:  # not a database, may not be read, or locked
        return False
    return True
