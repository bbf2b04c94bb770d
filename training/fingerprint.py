"""What a fit was made of, as short hashes: its data, its code, its surroundings."""

import hashlib
import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from settings import PROJECT_ROOT

LIBRARIES = ("numpy", "scipy", "scikit-learn", "keras", "tensorflow")  # another version may give other numbers
LENGTH = 16


def of_arrays(arrays: dict[str, np.ndarray]) -> str:
    """Hash of names, types, shapes and contents, in the order given."""
    digest = hashlib.sha256()
    for name, values in arrays.items():
        digest.update(f"{name} {values.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:LENGTH]


def of_values(**values: Any) -> str:
    """Hash of anything that JSON holds."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


def of_code() -> str:
    """Hash of this package's source, the versions of its libraries and the backend."""
    folder = Path(__file__).parent
    sources = {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.py"))}
    versions = {name: version(name) for name in LIBRARIES}
    return of_values(sources=sources, versions=versions, backend=os.environ.get("KERAS_BACKEND", "tensorflow"))


def git_commit() -> str:
    """The checked-out commit, with '+changes' where files differ from it; 'unknown' outside a repository."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "unknown"
    return f"{commit}+changes" if _git("status", "--porcelain", "--untracked-files=no") else commit


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(PROJECT_ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
