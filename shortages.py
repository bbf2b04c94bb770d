"""What a command says when the disk is full or the memory short: one sentence, whichever library met it and however it was wrapped.

DuckDB, SQLite, MLflow and dbt each raise errors of their own for it, which have only their words in common.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from settings import Settings

FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT), "database or disk is full", "max_temp_directory_size")
SHORT = ("Out of Memory Error", "Unable to allocate", "OOM when allocating")  # DuckDB's, NumPy's, TensorFlow's
LONGEST = 300  # characters of what a library says


def sentence(error: BaseException, settings: Settings) -> str | None:
    """What to tell of an error that comes of a full disk or of too little memory; None of any other."""
    errors = list(_chain(error))
    full = next((each for each in errors if is_full(each)), None)
    if full is not None:
        where = f"{_gigabytes(free_bytes(settings.data))} are free in {settings.data}"
        return f"the disk is full: {_said(full)}. {where}: make room there and run this again; what was published before is unchanged"
    short = next((each for each in errors if is_short(each)), None)
    if short is not None:
        limit = f"DuckDB may take {settings.duckdb_memory} of {settings.memory_limit} (NIGHTCART_MEMORY_LIMIT) and spills beyond it"
        return (
            f"the memory is short: {_said(short)}. {limit}: set a limit that this machine has to spare, or wait until nothing else runs, "
            "and run this again; what was published before is unchanged"
        )
    return None


def is_full(error: BaseException) -> bool:
    """Whether it says that a disk is full; DuckDB also has a limit for what it spills, most of what is free."""
    is_errno = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return is_errno or any(word in str(error) for word in FULL)


def free_bytes(folder: Path) -> int:
    """What is free on the disk of a folder, which need not exist yet."""
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def is_short(error: BaseException) -> bool:
    """Whether it says that there was too little memory."""
    return isinstance(error, MemoryError) or any(word in str(error) for word in SHORT)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came of, the innermost first: that one says it best."""
    before = error.__cause__ or error.__context__
    if before is not None:
        yield from _chain(before)
    yield error


def _said(error: BaseException) -> str:
    """The line that says it, without the advice below."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if any(word in line for word in (*FULL, *SHORT))), lines[0] if lines else "it is used up")[:LONGEST]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
