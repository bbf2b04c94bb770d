"""How a database file is opened: with the key, where `NIGHTCART_ENCRYPTION_KEY` switches encryption at rest on.

DuckDB itself only reads encrypted files; what writes them is the OpenSSL of its extension httpfs, which comes as a wheel. Of that
extension nothing else is wanted, so the network is switched off again.
"""

import importlib.util
from pathlib import Path

import duckdb

import steps
from settings import ENCRYPTION_KEY, Settings

NETWORK = "HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem"


def attach(connection: duckdb.DuckDBPyConnection, settings: Settings, file: Path, name: str, *options: str) -> None:
    """Attach a database under a name, with the key if there is one: bound, so that no statement and no message holds it.

    Args:
        options: of `attach`, such as read_only.

    Raises:
        StepError: the file was written with another key, or with one where there is none now, or the other way round.
    """
    key = settings.encryption_key
    if key and "read_only" not in options:
        load_cipher(connection)
    wanted = ", ".join([*options, *(["encryption_key $key"] if key else [])])
    path = str(file).replace("'", "''")
    try:
        connection.execute(f"attach '{path}' as {name}{f' ({wanted})' if wanted else ''}", {"key": key} if key else {})
    except duckdb.Error as error:
        if told := _in_words(str(error), file):
            raise steps.StepError(told) from None
        raise


def load_cipher(connection: duckdb.DuckDBPyConnection) -> None:
    """Load what writes encrypted files, and encrypt what is spilled to the disk too.

    Raises:
        StepError: the wheel is not installed, or not for this DuckDB.
    """
    found = importlib.util.find_spec("duckdb_extension_httpfs")
    extension = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension" if found else None
    if extension is None or not extension.exists():
        raise steps.StepError(
            f"{ENCRYPTION_KEY} is set, and duckdb-extension-httpfs {duckdb.__version__} is not installed: run `make setup`"
        )
    connection.execute(f"load '{str(extension).replace(chr(39), chr(39) * 2)}'")
    connection.execute(f"set disabled_filesystems = '{NETWORK}'")
    connection.execute("set temp_file_encryption = true")


def _in_words(error: str, file: Path) -> str | None:
    if "without a key" in error:
        return f"{file} is encrypted, and {ENCRYPTION_KEY} is not set: set it to the key that the file was written with"
    if "Wrong encryption key" in error:
        return (
            f"{ENCRYPTION_KEY} is not the key that {file} was written with: put that one back."
            " If it is lost, delete the file: a warehouse is made anew from the lake, a build by the next publish"
        )
    if "is not encrypted" in error:
        return f"{file} was written without a key, and {ENCRYPTION_KEY} is set: the next night writes it anew"
    return None
