"""Make what a night needs before it can run: folders, secrets, Airflow's and MLflow's stores. Done once, quick after that.

python -m services.setup
"""

import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from services import environment, keys
from settings import Settings, read_secrets, write_private
from steps import StepError

log = logging.getLogger("setup")

POOLS = {
    "warehouse": {"slots": 1, "description": "DuckDB takes one process at a time", "include_deferred": True},
    "gpu": {"slots": 1, "description": "One fit at a time: memory, and the card where there is one", "include_deferred": True},
}
AIRFLOW_CFG = "# Airflow is configured by the environment: `python -m services.environment airflow config list` shows it.\n"
MLFLOW_AUTH = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{database}
admin_username = {admin}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def prepare(settings: Settings) -> None:
    """Bring the installation to the state that this version needs; does nothing but look when it is there already.

    Raises:
        StepError: a store cannot be made (with the last lines of what failed), or the secrets are unsafe.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.data.chmod(0o700)
    with _alone(settings):
        made = keys.ensure(settings)
        if made:
            log.info("made %d secrets in %s", len(made), settings.secrets_file)
        _write_configuration(settings)
        if _state(settings) != _wanted(settings):
            _make_stores(settings)
            write_private(settings.data / "setup.json", json.dumps(_wanted(settings)))


def _write_configuration(settings: Settings) -> None:
    home = environment.airflow_home(settings)
    for folder in (home, environment.logs(settings)):
        folder.mkdir(mode=0o700, exist_ok=True)
    password = read_secrets(settings.secrets_file)[keys.AIRFLOW_PASSWORD]
    auth = MLFLOW_AUTH.format(database=settings.data / "mlflow-auth.db", admin=environment.ADMIN)
    wanted = {
        home / "airflow.cfg": AIRFLOW_CFG,  # else Airflow writes one of its own, with keys of its own
        home / "pools.json": json.dumps(POOLS),
        environment.airflow_passwords(settings): json.dumps({environment.ADMIN: password}),
        environment.mlflow_auth_config(settings): auth,
    }
    for file, text in wanted.items():
        if not file.exists() or file.read_text() != text:
            write_private(file, text)


def _make_stores(settings: Settings) -> None:
    """Airflow's and MLflow's stores, side by side: each is some seconds of one core."""
    began = time.monotonic()
    airflow, pools = environment.airflow(settings), environment.airflow_home(settings) / "pools.json"
    processes = [start("airflow", ["db", "migrate"], airflow)]
    if owns_mlflow(settings):
        processes.append(start("mlflow", ["db", "upgrade", settings.mlflow_tracking_uri], environment.mlflow(settings)))
    finish(processes[0])
    processes.append(start("airflow", ["pools", "import", str(pools)], airflow))
    for process in processes[1:]:
        finish(process)
    log.info("made the stores of Airflow and MLflow in %.0f s", time.monotonic() - began)


def start(module: str, arguments: list[str], env: dict[str, str]) -> subprocess.Popen:
    """Start a command of Airflow or MLflow that ends by itself; `finish` waits for it."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, umask=0o077)


def finish(process: subprocess.Popen) -> None:
    """Wait for a command's end; raises StepError, with the last lines of what it said, where it failed."""
    output, _ = process.communicate()
    if process.returncode != 0:
        last = "\n".join(output.strip().splitlines()[-15:])
        raise StepError(f"{' '.join(process.args[1:])} failed with exit code {process.returncode}:\n{last}")


def _wanted(settings: Settings) -> dict[str, object]:
    versions = {name: version(name) for name in ("apache-airflow", "mlflow")}
    return versions | {"mlflow_store": settings.mlflow_tracking_uri, "pools": POOLS}


def _state(settings: Settings) -> dict[str, object] | None:
    marker = settings.data / "setup.json"
    complete = marker.exists() and (environment.airflow_home(settings) / "airflow.db").exists()
    return json.loads(marker.read_text()) if complete else None


def owns_mlflow(settings: Settings) -> bool:
    """Any other store than a SQLite file belongs to a server that somebody else keeps."""
    return settings.mlflow_tracking_uri.startswith("sqlite:")


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    descriptor = os.open(settings.data / ".setup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # a second setup waits for the first, and then finds all done
        yield
    finally:
        os.close(descriptor)


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
        prepare(settings)
    except (StepError, ValueError) as error:
        sys.exit(f"setup: {error}")
    print(f"setup: ready in {settings.data}")


if __name__ == "__main__":
    main()
