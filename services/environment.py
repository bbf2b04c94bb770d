"""The environment in which Airflow, MLflow and with them every step of a night run.

    python -m services.environment airflow dags list     # any of their commands, as the pipeline itself would run it

What is set here wins over the caller's environment (a shell may still hold the AIRFLOW_HOME of another project); all
else passes through. A line of `data/secrets.env` whose name starts with AIRFLOW_ or MLFLOW_ goes to that one:
`AIRFLOW_CONN_SMTP_DEFAULT=smtp://user:password@host:587` there lets failure notices go out by mail.
"""

import os
import sys
from pathlib import Path

from settings import PROJECT_ROOT, Settings, read_secrets

LOOPBACK = "127.0.0.1"
ADMIN = "admin"

SILENT = {
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "SCARF_ANALYTICS": "false",
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def shared(settings: Settings) -> dict[str, str]:
    """What every process of the pipeline gets: the caller's environment, the project's paths, no telemetry."""
    commands = str(Path(sys.executable).parent)
    return os.environ | SILENT | {
        "PATH": f"{commands}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(PROJECT_ROOT),
        "PYTHONUNBUFFERED": "1",  # a step's lines reach the log when they are printed
        "PYTHONDONTWRITEBYTECODE": "",  # without bytecode every Airflow command takes 4 s to start instead of 1.7 s
        "NO_PROXY": _without_proxy(),
        "no_proxy": _without_proxy(),
        "TF_CPP_MIN_LOG_LEVEL": "3",  # without a card TensorFlow calls its absence an error at every start
        "NIGHTCART_DATA": str(settings.data),
        "NIGHTCART_SHOPS": str(settings.shops),
        "MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri,
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # the default lets a call to an absent server hang for four minutes
    }  # fmt: skip


def airflow(settings: Settings) -> dict[str, str]:
    """The environment of every Airflow process; all listeners on loopback."""
    home, port = airflow_home(settings), airflow_port()
    return shared(settings) | _secrets(settings, "AIRFLOW_") | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "3",  # a task in each of the two pools, and the look at the clock beside them
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks a name server, also on a machine without one
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow_passwords(settings)),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{LOOPBACK}:{port}/execution/",
        # the scheduler, the API server and a night by hand share one file: a writer waits up to 60 s for another
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": airflow_url(),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # a task of which nothing is heard for two minutes is tried again, one of a scheduler that is gone after one at most
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(logs(settings) / "airflow"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(logs(settings) / "dag_processor"),
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
    }  # fmt: skip


def mlflow(settings: Settings) -> dict[str, str]:
    """The environment of MLflow's server and of its database commands."""
    return shared(settings) | _secrets(settings, "MLFLOW_") | {
        "MLFLOW_AUTH_CONFIG_PATH": str(mlflow_auth_config(settings)),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # a job runner for language-model judges, and two more processes
    }  # fmt: skip


def airflow_home(settings: Settings) -> Path:
    return settings.data / "airflow"


def airflow_passwords(settings: Settings) -> Path:
    """The file of logins that Airflow reads; `services.setup` writes it from secrets.env."""
    return airflow_home(settings) / "passwords.json"


def mlflow_auth_config(settings: Settings) -> Path:
    return settings.data / "mlflow-auth.ini"


def services_file(settings: Settings) -> Path:
    """Where `make up` notes what it started, for `make down`."""
    return settings.data / "services.json"


def logs(settings: Settings) -> Path:
    return settings.data / "logs"


def airflow_port() -> int:
    return _port("NIGHTCART_AIRFLOW_PORT", 8080)


def mlflow_port() -> int:
    return _port("NIGHTCART_MLFLOW_PORT", 5000)


def docs_port() -> int:
    return _port("NIGHTCART_DOCS_PORT", 8081)


def explorer_port() -> int:
    return _port("NIGHTCART_EXPLORER_PORT", 8082)


def airflow_url() -> str:
    return f"http://{LOOPBACK}:{airflow_port()}"


def mlflow_url() -> str:
    return f"http://{LOOPBACK}:{mlflow_port()}"


def docs_url() -> str:
    return f"http://{LOOPBACK}:{docs_port()}"


def explorer_url() -> str:
    return f"http://{LOOPBACK}:{explorer_port()}"


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{name} must be a port between 1 and 65535, not {text!r}")
    return int(text)


def _secrets(settings: Settings, prefix: str) -> dict[str, str]:
    return {name: value for name, value in read_secrets(settings.secrets_file).items() if name.startswith(prefix)}


def _without_proxy() -> str:
    hosts = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return ",".join(filter(None, [hosts, LOOPBACK, "localhost"]))


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m services.environment COMMAND [ARGUMENT …]")
    settings = Settings.from_environment()
    environment = mlflow(settings) if sys.argv[1] == "mlflow" else airflow(settings)
    os.execvpe(sys.argv[1], sys.argv[1:], environment)


if __name__ == "__main__":
    main()
