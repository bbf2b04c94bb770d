"""The secrets of one installation: made once at random, kept in `data/secrets.env` (0600), never overwritten."""

import base64
import os
import secrets
from pathlib import Path

from settings import HMAC_KEY, Settings, read_secrets, write_private
from steps import StepError

AIRFLOW_PASSWORD = "NIGHTCART_AIRFLOW_PASSWORD"
MLFLOW_PASSWORD = "MLFLOW_AUTH_ADMIN_PASSWORD"
DOCS_PASSWORD = "NIGHTCART_DOCS_PASSWORD"
EXPLORER_PASSWORD = "NIGHTCART_EXPLORER_PASSWORD"

MAKERS = {
    HMAC_KEY: lambda: secrets.token_hex(32),
    "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(os.urandom(32)).decode(),
    "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_hex(32),
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_hex(32),
    AIRFLOW_PASSWORD: lambda: secrets.token_urlsafe(18),
    "MLFLOW_FLASK_SERVER_SECRET_KEY": lambda: secrets.token_hex(32),
    MLFLOW_PASSWORD: lambda: secrets.token_urlsafe(18),
    DOCS_PASSWORD: lambda: secrets.token_urlsafe(18),
    EXPLORER_PASSWORD: lambda: secrets.token_urlsafe(18),
}

HEADER = [
    "# The secrets of this installation. Keep a copy of NIGHTCART_HMAC_KEY in a safe place: without it no new event can be",
    "# joined to the people already in the lake.",
]


def ensure(settings: Settings) -> list[str]:
    """Make the secrets that are missing, and return their names; a value that is there stays.

    An HMAC key given by the environment is not stored beside it: two keys would make two people of one.

    Raises:
        StepError: the HMAC key is gone while a lake made with it exists, or the file is open to other users.
    """
    file = settings.secrets_file
    present = read_secrets(file)
    missing = [name for name in MAKERS if not present.get(name)]
    if os.environ.get(HMAC_KEY) and HMAC_KEY in missing:
        missing.remove(HMAC_KEY)
    _refuse_to_lose_people(settings, missing)
    if missing:
        lines = file.read_text().splitlines() if file.exists() else HEADER
        write_private(file, "\n".join([*lines, *(f"{name}={MAKERS[name]()}" for name in missing), ""]))
    _refuse_open_file(file)
    return missing


def _refuse_to_lose_people(settings: Settings, missing: list[str]) -> None:
    if HMAC_KEY in missing and any(settings.data.glob("*/lake/*/*/*.parquet")):
        raise StepError(
            f"{HMAC_KEY} is gone from {settings.secrets_file}, but {settings.data} holds a lake whose pseudonyms were made with it: "
            "put the old line back. A new key would make a new person of everybody"
        )


def _refuse_open_file(file: Path) -> None:
    mode = file.stat().st_mode & 0o777
    if mode & 0o077:
        raise StepError(f"{file} is open to other users (mode {mode:04o}): chmod 600 {file}")
