"""Where things live: paths, addresses and limits, read from the environment once and passed on as an argument.

Nothing here is made or opened on import; a `Settings` is built in a task, a `__main__` or a test.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent
HMAC_KEY = "NIGHTCART_HMAC_KEY"
ENCRYPTION_KEY = "NIGHTCART_ENCRYPTION_KEY"
SHORTEST_KEY = 16  # characters
DUCKDB_SHARE = 0.65  # a build of 50 million events that was told 3 GB took up to 4.8 (benchmarks.warehouse)
MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])(i?)B", re.IGNORECASE)  # as DuckDB writes it: 3GB, 512 MiB


@dataclass(frozen=True)
class ShopPaths:
    """The folders and files of one shop under `data/<shop>/`."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def nights(self) -> Path:
        return self.root / "nights"

    @property
    def champions(self) -> Path:
        return self.root / "champions"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions"

    @property
    def serving(self) -> Path:
        return self.root / "serving"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def step_times(self) -> Path:
        return self.root / "step_times.jsonl"


@dataclass(frozen=True)
class Settings:
    """Paths, addresses and limits of one installation.

    Args:
        data: run-time state (`NIGHTCART_DATA`, default `data/` in the project).
        shops: folder of the shop files that Airflow makes DAGs of (`NIGHTCART_SHOPS`, default `shops/`).
        mlflow_tracking_uri: MLflow's store (`MLFLOW_TRACKING_URI`, default SQLite under `data`).
        memory_limit: what a step may take (`NIGHTCART_MEMORY_LIMIT`), such as 4GB; DuckDB spills beyond its share of it.
        threads: threads for DuckDB (`NIGHTCART_THREADS`, default: the cores this process may use).
        hang_minutes: without processor time for so long, a step of the night hangs and is ended (`NIGHTCART_HANG_MINUTES`).
        hmac_keys: the chain of secrets that pseudonyms are made with, the oldest first (`NIGHTCART_HMAC_KEY`, else the line
            in `data/secrets.env`); empty where neither is set: only the door needs them, and refuses to start without.
        encryption_key: what the warehouse and the published database are encrypted with (`NIGHTCART_ENCRYPTION_KEY`, else the
            line in `data/secrets.env`); None: they are not.

    Example:
        >>> settings = Settings.from_environment()
        >>> settings.paths("demo").lake
    """

    data: Path
    shops: Path
    mlflow_tracking_uri: str = field(repr=False)  # may hold a login
    memory_limit: str
    threads: int
    hmac_keys: tuple[bytes, ...] = field(default=(), repr=False)
    encryption_key: str | None = field(default=None, repr=False)
    landing_overrides: tuple[tuple[str, Path], ...] = ()
    hang_minutes: float = 20

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None) -> "Settings":
        """Read `environ` (default `os.environ`), with `data/secrets.env` beneath it.

        Raises:
            ValueError: a variable holds what it cannot (named in the message, its value not repeated for secrets).
        """
        environ = dict(os.environ if environ is None else environ)
        data = Path(environ.get("NIGHTCART_DATA") or PROJECT_ROOT / "data").resolve()
        secrets = read_secrets(data / "secrets.env")
        return cls(
            data=data,
            shops=Path(environ.get("NIGHTCART_SHOPS") or PROJECT_ROOT / "shops").resolve(),
            mlflow_tracking_uri=environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{data / 'mlflow.db'}",
            memory_limit=_memory(environ, "NIGHTCART_MEMORY_LIMIT", "4GB"),
            threads=_positive_int(environ, "NIGHTCART_THREADS", len(os.sched_getaffinity(0))),
            hmac_keys=read_keys(environ.get(HMAC_KEY) or secrets.get(HMAC_KEY)),
            encryption_key=_long_enough(environ.get(ENCRYPTION_KEY) or secrets.get(ENCRYPTION_KEY)),
            landing_overrides=_landing_overrides(environ),
            hang_minutes=_positive(environ, "NIGHTCART_HANG_MINUTES", 20),
        )

    @property
    def memory_bytes(self) -> int:
        """`memory_limit` as a number."""
        number, unit, binary = MEMORY.fullmatch(self.memory_limit).groups()
        return int(float(number) * (1024 if binary else 1000) ** "KMGT".index(unit.upper()) * (1024 if binary else 1000))

    @property
    def duckdb_memory(self) -> str:
        """What DuckDB is told to stay under: it does not count all that it takes, and Python and dbt take their part."""
        return f"{int(self.memory_bytes * DUCKDB_SHARE) // 10**6}MB"

    @property
    def mlflow_artifacts(self) -> Path:
        return self.data / "mlartifacts"

    @property
    def mlflow_spool(self) -> Path:
        """What waits for MLflow while it is away."""
        return self.data / "mlflow_spool"

    @property
    def cache(self) -> Path:
        """What is made once per version and can be made again."""
        return self.data / "cache"

    @property
    def secrets_file(self) -> Path:
        return self.data / "secrets.env"

    def paths(self, shop_name: str) -> ShopPaths:
        return ShopPaths(self.data / shop_name)


def read_secrets(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a secrets file; an absent file is an empty one."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def write_private(file: Path, text: str) -> None:
    """Write `file` with mode 0600, whole or not at all; it is on the disk before anything later happens."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Have the disk hold a file or a folder's entries before anything later happens."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_keys(text: str | None) -> tuple[bytes, ...]:
    """The keys of the pseudonyms from `key[,key …]` in hexadecimal, the oldest first; none where there is no text.

    Raises:
        ValueError: one of them is no key; it is not repeated.
    """
    if not text:
        return ()
    try:
        keys = tuple(bytes.fromhex(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"{HMAC_KEY} is not hexadecimal (several keys stand with a comma between them)") from error
    if min(map(len, keys)) < 16:
        raise ValueError(f"{HMAC_KEY} is shorter than 16 bytes (32 hexadecimal digits), or one of its keys is")
    return keys


def _long_enough(key: str | None) -> str | None:
    if key and len(key) < SHORTEST_KEY:
        raise ValueError(f"{ENCRYPTION_KEY} is shorter than {SHORTEST_KEY} characters")
    return key or None


def _positive_int(environ: dict[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number above 0, not {text!r}")
    return int(text)


def _memory(environ: dict[str, str], name: str, default: str) -> str:
    text = environ.get(name) or default
    if not MEMORY.fullmatch(text):
        raise ValueError(f"{name} must be a number with KB, MB, GB or TB, as in {default}, not {text!r}")
    return text


def _positive(environ: dict[str, str], name: str, default: float) -> float:
    text = environ.get(name) or str(default)
    if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) == 0:
        raise ValueError(f"{name} must be a number above 0, not {text!r}")
    return float(text)


def _landing_overrides(environ: dict[str, str]) -> tuple[tuple[str, Path], ...]:
    prefix = "NIGHTCART_LANDING_"
    folders = {name: value for name, value in sorted(environ.items()) if name.startswith(prefix) and value}
    for name, value in folders.items():
        if "://" in value:
            raise ValueError(f"{name} must be a folder of this machine, not {value!r}")
    return tuple((name.removeprefix(prefix).lower(), Path(value).resolve()) for name, value in folders.items())
