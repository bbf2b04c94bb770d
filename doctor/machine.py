"""The machine and what is installed on it."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from doctor.finding import Finding
from settings import PROJECT_ROOT, Settings
from shortages import free_bytes

PACKAGES = ("apache-airflow", "dbt-core", "dbt-duckdb", "duckdb", "keras", "tensorflow", "mlflow")
MIN_FREE_BYTES = 5e9  # a night of the demo takes 0.1 GB; the temporary files of a big build take several


def examine(settings: Settings) -> Iterator[Finding]:
    yield _python()
    yield from packages((PROJECT_ROOT / "requirements.txt").read_text())
    yield _disk(settings)
    yield _memory(settings)
    yield _gpu()


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", (3, 11) <= sys.version_info[:2] <= (3, 13), found, "rm -rf .venv && make setup PYTHON=python3.13")


def packages(lock: str) -> Iterator[Finding]:
    for name in PACKAGES:
        wanted = re.search(rf"^{re.escape(name)}==(\S+)", lock, re.MULTILINE)
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        locked = wanted.group(1) if wanted else "not in requirements.txt"
        yield Finding(name, found == locked, f"{found} (locked: {locked})", "touch requirements.txt && make setup")


def _disk(settings: Settings) -> Finding:
    free = free_bytes(settings.data)
    found = f"{free / 1e9:.1f} GB in {settings.data}"
    return Finding("free space", free >= MIN_FREE_BYTES, found, "make room, or set NIGHTCART_DATA to a larger disk")


def _memory(settings: Settings) -> Finding:
    free = psutil.virtual_memory().available
    found = f"{free / 1e9:.1f} GB free; a step may take {settings.memory_limit} (NIGHTCART_MEMORY_LIMIT)"
    return Finding("memory", free >= settings.memory_bytes, found, "end what else runs here, or set NIGHTCART_MEMORY_LIMIT lower")


def _gpu() -> Finding:
    cards = len(list(Path("/dev").glob("nvidia[0-9]*")))
    seen = f"{cards} of NVIDIA; `make setup GPU=1` installs its libraries" if cards else "none: models are fitted on the CPU"
    return Finding("gpu", True, seen)
