"""The DAGs as Airflow loads them, described by a process of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services import environment
from settings import PROJECT_ROOT, Settings

BY_HAND = {"run_date": "2026-06-30", "logical_date": None, "run_after": "2026-07-05T10:00:00+00:00"}
BY_SCHEDULE = {"run_date": None, "logical_date": "2026-07-01T02:00:00+00:00", "run_after": "2026-07-01T02:00:00+00:00"}


@pytest.fixture(scope="session")
def load_dags(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], dict]:
    """Loads the DAGs of a folder of shop files; needs no database."""

    def load(shops: Path) -> dict:
        data = tmp_path_factory.mktemp("airflow")
        settings = Settings.from_environment({**os.environ, "NIGHTCART_DATA": str(data), "NIGHTCART_SHOPS": str(shops)})
        command = [sys.executable, "-m", "tests.dags.describe", json.dumps([BY_HAND, BY_SCHEDULE])]
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=environment.airflow(settings), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return load


@pytest.fixture(scope="session")
def loaded(load_dags: Callable[[Path], dict]) -> dict:
    """What Airflow makes of the project's own shop files."""
    return load_dags(PROJECT_ROOT / "shops")
